package example;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.PackageVersion;
import dev.sagitta.data.Data;
import dev.sagitta.device.Device;
import dev.sagitta.device.Devices;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.train.Trainer;
import dev.sagitta.train.TrainingOptions;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.io.File;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.jar.JarFile;

/** Jackson 2.15, which Spark 3.5 brings, beside Sagitta, whose own is in its jar under another name: each reads the same checkpoint's JSON. */
public final class OwnJackson {
    private static final int STEPS = 3;

    public static void main(String[] args) throws Exception {
        require(
                PackageVersion.VERSION.toString().equals("2.15.2"),
                "Jackson " + PackageVersion.VERSION + " is on the class path");
        theJarKeepsToItself();

        Path folder = Files.createTempDirectory("own-jackson");
        Path text = Files.writeString(
                folder.resolve("text.txt"), "the quick brown fox jumps over the lazy dog\n".repeat(40));
        Path saved = folder.resolve("checkpoint.safetensors");
        try (Device device = Devices.open("auto")) {
            Data data = Data.text(List.of(text), 8, 0);
            ModelSpec model = ModelSpec.preset("char-mlp", 8).withVocabulary(data.vocabulary());
            TrainingOptions options = new TrainingOptions(16, OptimiserOptions.adamW(1e-3), "4", 0);
            try (Trainer trainer = new Trainer(model.toGraph(), device, data.train(), options)) {
                for (int i = 0; i < STEPS; i++) {
                    trainer.step();
                }
                trainer.save(saved, model);
            }
            try (Checkpoint checkpoint = Checkpoint.open(saved)) {
                JsonNode training =
                        new ObjectMapper().readTree(checkpoint.metadata().get(Checkpoint.TRAINING));
                require(training.get("step").asInt() == STEPS, "step " + training.get("step") + " was saved");
                require(
                        checkpoint.training().orElseThrow().integer("step", 0, STEPS) == STEPS,
                        "Sagitta's own Jackson reads another step");
                require(checkpoint.model().equals(model), "the model came back as " + checkpoint.model());
            }
        } finally {
            for (File file : folder.toFile().listFiles()) {
                Files.delete(file.toPath());
            }
            Files.delete(folder);
        }
        System.out.println("a checkpoint written and read beside Jackson " + PackageVersion.VERSION);
    }

    /** A class outside dev/sagitta would stand in for another library's of the same name. */
    private static void theJarKeepsToItself() throws Exception {
        URI place = Devices.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI();
        TreeSet<String> foreign = new TreeSet<>();
        boolean licence;
        try (JarFile jar = new JarFile(new File(place))) {
            jar.stream()
                    .map(entry -> entry.getName())
                    .filter(name -> name.endsWith(".class") && !name.startsWith("dev/sagitta/"))
                    .forEach(foreign::add);
            licence = jar.getEntry("META-INF/LICENSE") != null && jar.getEntry("META-INF/NOTICE") != null;
        }
        require(foreign.isEmpty(), place + " has classes outside dev/sagitta: " + foreign);
        require(licence, place + " lacks META-INF/LICENSE or META-INF/NOTICE");
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }
}
