package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.device.Device;
import dev.sagitta.io.Checkpoint;
import dev.sagitta.io.Data;
import dev.sagitta.io.DataException;
import dev.sagitta.kernel.QuantFormat;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Evaluation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.quant.QuantPlan;
import dev.sagitta.quant.Quantizer;
import dev.sagitta.quant.Sensitivity;
import dev.sagitta.quant.StoredModel;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sagitta quantize}: bits per weight by curvature, a packed checkpoint, the loss before and after. */
@Command(
        name = "quantize",
        mixinStandardHelpOptions = true,
        description =
                "Packs the weights of linear layers in 2, 3, 4 or 8 bits, chosen by curvature (HAWQ-V2's Omega) under a limit. "
                        + "Traces are measured on the training examples, the loss before and after on the held-out ones.")
final class QuantizeCommand implements Callable<Integer> {
    private static final int BATCH = 256;

    @Reads
    @Option(names = "--checkpoint", required = true, paramLabel = "C.safetensors", description = "What to quantise.")
    private Path checkpoint;

    @Writes
    @Option(names = "--out", required = true, paramLabel = "Q.safetensors", description = "The packed checkpoint.")
    private Path out;

    @ArgGroup(multiplicity = "1")
    private Choice choice;

    /** How the bits are chosen. */
    static final class Choice {
        @Option(
                names = "--average-bits",
                paramLabel = "B",
                description = "At most B bits per packed weight on average, steps and centres not counted.")
        private Double averageBits;

        @Option(
                names = "--max-bytes",
                paramLabel = "N",
                description = "All parameters together take at most N bytes, those that stay fp32 included.")
        private Long maxBytes;

        @Option(names = "--uniform", paramLabel = "B", description = "B bits for every weight.")
        private Integer uniform;

        @Reads
        @Option(
                names = "--plan",
                paramLabel = "FILE",
                description = "{\"layers\":[{\"name\",\"bits\"}]}: these bits; weights not named stay fp32.")
        private Path plan;
    }

    @Option(
            names = "--bits",
            split = ",",
            defaultValue = "2,3,4,8",
            paramLabel = "B",
            description = "Offered to each weight (default ${DEFAULT-VALUE}).")
    private List<Integer> bits;

    @Option(
            names = "--group",
            defaultValue = "64",
            paramLabel = "N",
            description = "Elements of a row that share a step (default ${DEFAULT-VALUE}).")
    private int group;

    @Option(names = "--symmetric", description = "No centres: 4 bytes less per group, larger errors at few bits.")
    private boolean symmetric;

    @Option(
            names = "--probes",
            defaultValue = "64",
            paramLabel = "N",
            description = "Probes of the trace estimate (default ${DEFAULT-VALUE}).")
    private int probes;

    @Option(
            names = "--rows",
            defaultValue = "2048",
            paramLabel = "N",
            description = "Training examples that the trace is measured on, at most (default ${DEFAULT-VALUE}).")
    private int rows;

    @Option(names = "--gauss-newton", description = "The trace of the Gauss-Newton matrix, never negative.")
    private boolean gaussNewton;

    @Mixin
    private DataOptions data;

    @Mixin
    private CommonOptions common;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        Quantizer.Settings settings = settings();
        try (Checkpoint source = Checkpoint.open(checkpoint)) {
            long seed = common.seed(EvalCommand.seed(source));
            Data examples = data.read(source, common);
            try (Device opened = common.open()) {
                return quantize(source, examples, opened, settings.seed(seed));
            }
        }
    }

    private Quantizer.Settings settings() {
        require(rows >= 1, "--rows is " + rows + ", expected at least 1");
        require(
                choice.averageBits == null || Double.isFinite(choice.averageBits),
                "--average-bits must be a finite number");
        common.requireEffect(
                choice.uniform == null && choice.plan == null,
                "--bits",
                (choice.plan == null ? "--uniform" : "--plan") + " gives each weight its bits");
        try {
            if (choice.uniform != null) {
                new QuantFormat(choice.uniform, group, symmetric);
            }
            return new Quantizer.Settings(bits, group, symmetric, probes, BATCH, 0, gaussNewton);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage());
        }
    }

    private void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }

    private int quantize(Checkpoint source, Data examples, Device opened, Quantizer.Settings settings) {
        QuantPlan forced = choice.plan == null
                ? choice.uniform == null ? null : QuantPlan.uniform(source.graph(), choice.uniform, group, symmetric)
                : QuantPlan.read(choice.plan, source.graph(), group, symmetric);
        Quantizer quantizer = new Quantizer(source, opened, settings.withBitsOf(forced));
        // as eval takes them
        Batches.Rows test = Batches.Rows.of(data.isArrays() ? examples.all() : examples.test());
        Evaluation before;
        try (StoredModel model = StoredModel.open(source, opened)) {
            before = evaluate(model, test);
        }
        if (!Double.isFinite(before.loss())) {
            throw new DataException(
                    checkpoint + ": the loss before quantising is " + before.loss() + "; nothing was written");
        }
        Sensitivity sensitivity =
                quantizer.measure(Batches.Rows.sample(data.isArrays() ? examples.all() : examples.train(), rows));
        warn(sensitivity);
        QuantPlan plan = forced != null
                ? forced
                : choice.averageBits != null
                        ? quantizer.byAverageBits(sensitivity, choice.averageBits)
                        : quantizer.byBytes(sensitivity, choice.maxBytes);
        Quantizer.Packed packed = quantizer.pack(plan);
        Evaluation after;
        try (StoredModel model = packed.model(opened)) {
            after = evaluate(model, test);
        }
        packed.write(out);
        ObjectNode report = report(packed, sensitivity, before, after);
        common.result(report, stdout -> print(report, stdout));
        return CommandLine.ExitCode.OK;
    }

    private static Evaluation evaluate(StoredModel model, Batches.Rows rows) {
        try (Batches batches = model.batches(ProgramOptions.of(BATCH, Computation.EVALUATE), rows)) {
            return Evaluation.of(batches);
        }
    }

    private void warn(Sensitivity sensitivity) {
        for (Sensitivity.Weight weight : sensitivity.weights()) {
            if (weight.trace().value() < 0) {
                spec.commandLine()
                        .getErr()
                        .printf(
                                Locale.ROOT,
                                "note: the trace of '%s' is estimated as %.3g +- %.3g and counts as 0; more --probes or --gauss-newton%n",
                                weight.parameter().name(),
                                weight.trace().value(),
                                weight.trace().standardError());
            }
        }
    }

    /** {@code {"averageBits","bytes","omega","layers":[{"name","bits","trace","error","omega"}],"before","after"}}. */
    private static ObjectNode report(
            Quantizer.Packed packed, Sensitivity sensitivity, Evaluation before, Evaluation after) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("averageBits", packed.averageBits()).put("bytes", packed.bytes());
        ArrayNode layers = JsonNodeFactory.instance.arrayNode();
        double total = 0;
        for (Sensitivity.Weight weight : sensitivity.weights()) {
            QuantFormat format = packed.plan().formats().get(weight.parameter().name());
            if (format != null) {
                Sensitivity.Choice chosen = weight.choice(format.bits());
                total += weight.omega(chosen);
                layers.addObject()
                        .put("name", weight.parameter().name())
                        .put("bits", format.bits())
                        .put("trace", weight.trace().value())
                        .put("error", chosen.squaredError())
                        .put("omega", weight.omega(chosen));
            }
        }
        json.put("omega", total).set("layers", layers);
        json.set("before", evaluation(before));
        json.set("after", evaluation(after));
        return json;
    }

    private static ObjectNode evaluation(Evaluation evaluation) {
        return EvalCommand.json(evaluation);
    }

    private void print(ObjectNode report, PrintWriter stdout) {
        int width = 6;
        for (var layer : report.get("layers")) {
            width = Math.max(width, layer.get("name").textValue().length());
        }
        stdout.printf("%-" + width + "s %4s %12s %12s %12s%n", "weight", "bits", "trace", "error", "omega");
        for (var layer : report.get("layers")) {
            stdout.printf(
                    Locale.ROOT,
                    "%-" + width + "s %4d %12.5g %12.5g %12.5g%n",
                    layer.get("name").textValue(),
                    layer.get("bits").intValue(),
                    layer.get("trace").doubleValue(),
                    layer.get("error").doubleValue(),
                    layer.get("omega").doubleValue());
        }
        stdout.printf(
                Locale.ROOT,
                "%.3f bits on average, %d bytes, omega %.5g%n",
                report.get("averageBits").doubleValue(),
                report.get("bytes").longValue(),
                report.get("omega").doubleValue());
        for (String when : new String[] {"before", "after"}) {
            stdout.printf(
                    Locale.ROOT,
                    "%-6s loss %s, accuracy %s, %d examples%n",
                    when,
                    Numbers.text("%.5f", report.get(when).get("loss")),
                    Numbers.text("%.4f", report.get(when).get("accuracy")),
                    report.get(when).get("examples").longValue());
        }
        stdout.println(out);
    }
}
