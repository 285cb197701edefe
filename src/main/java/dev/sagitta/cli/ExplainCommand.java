package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.rewrite.Rewrites;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.model.Vocabulary;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Explanation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code sagitta explain}: how a network is compiled. */
@Command(
        name = "explain",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Compiles a network for one computation and shows what came of it: fusions taken and refused with "
                        + "the reason, what is kept from the forward pass in how many bits and for whom, the memory plan, the "
                        + "launches in order. Nothing is run.")
final class ExplainCommand implements Callable<Integer> {
    private static final int DISTINCT_CHARACTERS = 96;

    @Reads(presets = true)
    @Parameters(
            arity = "0..1",
            paramLabel = "MODEL",
            description =
                    "A preset (mlp, char-mlp, char-gpt, llama, bert) or a model's JSON; a text model stands for one of "
                            + DISTINCT_CHARACTERS + " characters.")
    private String model;

    @Reads
    @Option(
            names = "--checkpoint",
            paramLabel = "C.safetensors",
            description = "The model of a checkpoint or of a folder of Hugging Face's layout.")
    private Path checkpoint;

    @Option(
            names = "--context",
            paramLabel = "N",
            description =
                    "Tokens of an example, of a checkpoint, a folder or a text preset (default: as many as it reads, of a folder 128 at most).")
    private Integer context;

    @Option(
            names = "--computation",
            defaultValue = "gradient",
            paramLabel = "WHAT",
            description = "gradient, predict, evaluate, hv, gv, vhv or vgv (default ${DEFAULT-VALUE}).")
    private Shown computation;

    @Option(
            names = "--batch",
            defaultValue = "64",
            paramLabel = "B",
            description = "Examples at a time (default ${DEFAULT-VALUE}).")
    private int batch;

    @Option(
            names = "--probes",
            defaultValue = "1",
            paramLabel = "K",
            description = "Vectors at a time of a product (default ${DEFAULT-VALUE}).")
    private int probes;

    @Option(
            names = "--activation-bits",
            defaultValue = "none",
            converter = ActivationBits.class,
            paramLabel = "BITS",
            description = ActivationBits.DESCRIPTION)
    private ActivationPolicy policy;

    @Option(names = "--no-rewrites", description = "Without fusions.")
    private boolean plain;

    @Mixin
    private CommonOptions common;

    /** Computations by the names of the literature. */
    enum Shown {
        gradient(Computation.GRADIENT),
        predict(Computation.PREDICT),
        evaluate(Computation.EVALUATE),
        hv(Computation.HESSIAN_VECTOR),
        gv(Computation.GAUSS_NEWTON_VECTOR),
        vhv(Computation.HESSIAN_QUADRATIC),
        vgv(Computation.GAUSS_NEWTON_QUADRATIC);

        private final Computation computation;

        Shown(Computation computation) {
            this.computation = computation;
        }
    }

    @Override
    public Integer call() {
        common.require(batch >= 1, "--batch is " + batch + ", expected at least 1");
        common.require(probes >= 1, "--probes is " + probes + ", expected at least 1");
        common.require((model == null) != (checkpoint == null), "give either a model or --checkpoint");
        common.noteEffect(false, "--seed", "nothing is drawn");
        try (Device device = common.open()) {
            ProgramOptions options = ProgramOptions.of(batch, computation.computation)
                    .probes(probes)
                    .rewrites(plain ? Rewrites.NONE : Rewrites.ALL)
                    .store(policy.store());
            try (Program program = Program.compile(graph(), device, options)) {
                Explanation explanation = program.explain(computation.computation);
                common.result(json(explanation), out -> print(explanation, out));
            }
        }
        return CommandLine.ExitCode.OK;
    }

    private Graph graph() {
        if (checkpoint != null) {
            try (Checkpoint source = ModelFiles.open(checkpoint, context == null ? 0 : context, common)) {
                return source.graph();
            }
        }
        ModelSpec spec = ModelSpec.PRESETS.contains(model) && context != null
                ? ModelSpec.preset(model, context)
                : ModelFiles.read(model);
        boolean open = spec.vocabulary() == null && spec.layers().stream().anyMatch(layer -> layer.readsCharacters());
        return (open ? spec.withVocabulary(standIn()) : spec).toGraph();
    }

    private static Vocabulary standIn() {
        StringBuilder characters = new StringBuilder();
        for (char c = ' '; characters.length() < DISTINCT_CHARACTERS; c++) {
            characters.append(c);
        }
        return Vocabulary.of(characters.toString(), "explain");
    }

    private static void print(Explanation explanation, PrintWriter out) {
        out.println("Rewrites");
        explanation
                .rewrites()
                .forEach(outcome -> out.printf(
                        Locale.ROOT,
                        "  %-18s %-20s %s%n",
                        outcome.rewrite(),
                        outcome.layer(),
                        outcome.isTaken() ? "taken" : "refused: " + outcome.reason()));
        if (explanation.rewrites().isEmpty()) {
            out.println("  none");
        }
        out.println();
        out.println("Kept from the forward pass");
        for (Explanation.Kept kept : explanation.kept()) {
            out.printf(
                    Locale.ROOT,
                    "  %-24s %6.2f bits %14s  read by %s%n",
                    kept.name(),
                    kept.bits(),
                    kept.bytes() == 0 ? "there anyway" : bytes(kept.bytes()),
                    String.join(", ", kept.readers()) + (kept.linear() ? " (linear)" : ""));
        }
        if (explanation.kept().isEmpty()) {
            out.println("  nothing");
        }
        out.println();
        out.println("Memory within a run: " + bytes(explanation.arenaBytes()));
        explanation
                .peak()
                .forEach((category, bytes) -> out.printf(Locale.ROOT, "  %-24s %14s%n", name(category), bytes(bytes)));
        out.println();
        out.println("Memory plan: offset, bytes, the launches that need it");
        for (Explanation.Place place : explanation.memory()) {
            out.printf(
                    Locale.ROOT,
                    "  %,14d %,14d  %4d .. %-4d %-20s %s%n",
                    place.offset(),
                    place.bytes(),
                    place.first(),
                    place.last(),
                    name(place.category()),
                    place.name());
        }
        out.println();
        out.println("Launches");
        int number = 0;
        for (Explanation.Task task : explanation.tasks()) {
            out.printf(
                    Locale.ROOT,
                    "  %4d %-34s %-34s %14s  %s -> %s%n",
                    number++,
                    task.who(),
                    task.label(),
                    bytes(task.bytes()),
                    String.join(", ", task.reads()),
                    String.join(", ", task.writes()));
        }
    }

    private static String name(MemoryCategory category) {
        return category.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    private static String bytes(long bytes) {
        return String.format(Locale.ROOT, "%,d bytes", bytes);
    }

    private static ObjectNode json(Explanation explanation) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode rewrites = json.putArray("rewrites");
        explanation.rewrites().forEach(outcome -> rewrites.addObject()
                .put("rewrite", outcome.rewrite())
                .put("layer", outcome.layer())
                .put("taken", outcome.isTaken())
                .put("reason", outcome.reason()));
        ArrayNode kept = json.putArray("kept");
        for (Explanation.Kept value : explanation.kept()) {
            ObjectNode one = kept.addObject()
                    .put("name", value.name())
                    .put("bits", value.bits())
                    .put("bytes", value.bytes())
                    .put("linear", value.linear());
            texts(one.putArray("readers"), value.readers());
        }
        json.put("arena_bytes", explanation.arenaBytes());
        ObjectNode peak = json.putObject("peak_bytes");
        explanation.peak().forEach((category, bytes) -> peak.put(category.name().toLowerCase(Locale.ROOT), bytes));
        ArrayNode memory = json.putArray("memory");
        explanation.memory().forEach(place -> memory.addObject()
                .put("name", place.name())
                .put("category", place.category().name().toLowerCase(Locale.ROOT))
                .put("offset", place.offset())
                .put("bytes", place.bytes())
                .put("first", place.first())
                .put("last", place.last()));
        ArrayNode tasks = json.putArray("launches");
        for (Explanation.Task task : explanation.tasks()) {
            ObjectNode one = tasks.addObject()
                    .put("who", task.who())
                    .put("what", task.label())
                    .put("bytes", task.bytes());
            texts(one.putArray("reads"), task.reads());
            texts(one.putArray("writes"), task.writes());
        }
        return json;
    }

    private static void texts(ArrayNode array, List<String> texts) {
        texts.forEach(array::add);
    }
}
