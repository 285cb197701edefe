package dev.sagitta.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.device.Devices;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.train.Trainer;
import dev.sagitta.train.TrainingOptions;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * What policies of saved activations cost in a training: {@code TrainingSpeed OUT.json DEVICE PRESET BATCH STEPS ROUNDS POLICY...}, a trainer for
 * each, on the same random ids, or images and labels; they take turns of STEPS steps, milliseconds of a step, after turns until the first choice of bits that are not counted.
 */
public final class TrainingSpeed {
    private static final int CONTEXT = 128;
    private static final int CHARACTERS = 96;
    private static final int CLASSES = 10;
    private static final int EXAMPLES = 512;
    private static final int WARM_UP = 64;

    private TrainingSpeed() {}

    public static void main(String[] arguments) throws IOException {
        ModelSpec model = ModelSpec.preset(arguments[2], CONTEXT);
        model = model.inputType() == DType.I32 ? model.withIds(CHARACTERS) : model;
        int batch = Integer.parseInt(arguments[3]);
        int steps = Integer.parseInt(arguments[4]);
        int rounds = Integer.parseInt(arguments[5]);
        List<String> policies = Arrays.asList(arguments).subList(6, arguments.length);
        ObjectMapper json = new ObjectMapper();
        ObjectNode all = json.createObjectNode();
        try (Device device = Devices.open(arguments[1])) {
            all.set("environment", Environment.of(TrainingSpeed.class, arguments, device));
            measure(model, device, batch, steps, rounds, policies, all.putArray("results"));
        }
        Files.writeString(
                Path.of(arguments[0]), json.writerWithDefaultPrettyPrinter().writeValueAsString(all) + "\n");
    }

    private static void measure(
            ModelSpec model,
            Device device,
            int batch,
            int steps,
            int rounds,
            List<String> policies,
            ArrayNode results) {
        DataSet data = model.inputType() == DType.I32
                ? DataSet.of(ids("inputs", 1, CHARACTERS, CONTEXT), ids("targets", 2, CHARACTERS, CONTEXT))
                : DataSet.of(features(model.inputShape()), ids("targets", 2, CLASSES));
        List<Trainer> trainers = new ArrayList<>();
        try {
            List<ArrayNode> times = new ArrayList<>();
            for (String policy : policies) {
                TrainingOptions options = new TrainingOptions(batch, OptimiserOptions.adamW(1e-4), policy, 1);
                Trainer trainer = new Trainer(model.toGraph(), device, data, options);
                trainers.add(trainer);
                run(trainer, WARM_UP);
                ObjectNode row = results.addObject();
                row.put("policy", policy);
                row.put("savedBytes", trainer.programMemory().savedBytes());
                times.add(row.putArray("ms"));
            }
            for (int round = 0; round < rounds; round++) {
                for (int i = 0; i < trainers.size(); i++) {
                    long begin = System.nanoTime();
                    run(trainers.get(i), steps);
                    times.get(i).add(Math.round((System.nanoTime() - begin) * 1e-4 / steps) / 100.0);
                }
            }
        } finally {
            trainers.forEach(Trainer::close);
        }
        results.forEach(System.out::println);
    }

    private static void run(Trainer trainer, int steps) {
        for (int i = 0; i < steps; i++) {
            if (trainer.room() == 0) {
                trainer.losses();
            }
            trainer.enqueue();
        }
        trainer.losses();
    }

    private static HostTensor ids(String name, long seed, int below, long... shape) {
        HostTensor ids = HostTensor.allocate(name, DType.I32, Shape.of(shape).prepend(EXAMPLES));
        ByteBuffer bytes = ids.bytes();
        Random random = new Random(seed);
        for (int i = 0; i < ids.shape().elements(); i++) {
            bytes.putInt(Integer.BYTES * i, random.nextInt(below));
        }
        return ids;
    }

    private static HostTensor features(Shape shape) {
        HostTensor features = HostTensor.allocate("inputs", DType.F32, shape.prepend(EXAMPLES));
        ByteBuffer bytes = features.bytes();
        Random random = new Random(1);
        for (int i = 0; i < features.shape().elements(); i++) {
            bytes.putFloat(Float.BYTES * i, (float) random.nextGaussian());
        }
        return features;
    }
}
