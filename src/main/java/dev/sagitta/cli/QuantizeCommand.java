package dev.sagitta.cli;

import dev.sagitta.data.Data;
import dev.sagitta.data.DataRows;
import dev.sagitta.device.Device;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Evaluation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Rows;
import dev.sagitta.quant.Omega;
import dev.sagitta.quant.QuantPlan;
import dev.sagitta.quant.Quantizer;
import dev.sagitta.quant.RoundingCurvature;
import dev.sagitta.quant.RoundingErrors;
import dev.sagitta.quant.Sensitivity;
import dev.sagitta.quant.StoredModel;
import java.nio.file.Path;
import java.util.List;
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
                "Packs the weights of linear layers in 2, 3, 4 or 8 bits, chosen by curvature under a limit. Curvature is measured on "
                        + "training examples, the loss before and after on held-out ones; of --inputs both on all rows.")
final class QuantizeCommand implements Callable<Integer> {
    private static final int BATCH = 256;
    private static final int PROBES = 64;

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

    /** What is minimised. */
    enum Measure {
        rounding,
        omega
    }

    @Option(
            names = "--sensitivity",
            defaultValue = "rounding",
            paramLabel = "S",
            description =
                    "What a choice of bits costs: rounding, the curvature v'Hv along each rounding error v (default), "
                            + "or omega, HAWQ-V2's tr(H)/n |v|^2.")
    private Measure measure;

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
            paramLabel = "N",
            description = "Probes of the trace estimate (default 64). With --sensitivity rounding traces are measured "
                    + "only if this is given, to be shown.")
    private Integer probes;

    @Option(
            names = "--rows",
            defaultValue = "2048",
            paramLabel = "N",
            description = "Examples that curvature is measured on, at most (default ${DEFAULT-VALUE}).")
    private int rows;

    @Option(names = "--gauss-newton", description = "Curvature of the Gauss-Newton matrix, never negative.")
    private boolean gaussNewton;

    @Mixin
    private DataOptions data;

    @Mixin
    private BatchNormOptions batchNorm;

    @Mixin
    private CommonOptions common;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        Quantizer.Settings settings = settings();
        try (Checkpoint source = ModelFiles.open(checkpoint, data, common)) {
            batchNorm.note(source.graph(), common);
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
            return new Quantizer.Settings(
                    bits,
                    group,
                    symmetric,
                    probes == null ? PROBES : probes,
                    BATCH,
                    0,
                    gaussNewton,
                    batchNorm.isBatch());
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
        // as eval takes them: arrays come without a test set
        DataRows test = DataRows.of(data.isOnePart() ? examples.all() : examples.test());
        Evaluation before;
        try (StoredModel model = StoredModel.open(source, opened)) {
            before = evaluate(model, test);
        }
        if (!Double.isFinite(before.loss())) {
            throw new DataException(
                    checkpoint + ": the loss before quantising is " + before.loss() + "; nothing was written");
        }
        DataRows some = DataRows.sample(data.isOnePart() ? examples.all() : examples.train(), rows);
        boolean byOmega = measure == Measure.omega;
        Omega omega = byOmega || probes != null ? quantizer.omega(some) : null;
        RoundingCurvature rounding = byOmega ? null : quantizer.rounding(some);
        warn(omega);
        Sensitivity sensitivity = byOmega ? omega : rounding;
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
        QuantizeReport report = new QuantizeReport(
                measure.name(),
                gaussNewton ? "v'Gv" : "v'Hv",
                data.isOnePart() ? "all rows" : "held-out",
                packed,
                quantizer.errors(),
                rounding,
                omega,
                before,
                after);
        common.result(report.json(), stdout -> {
            report.print(stdout);
            stdout.println(out);
        });
        return CommandLine.ExitCode.OK;
    }

    private static Evaluation evaluate(StoredModel model, Rows rows) {
        try (Batches batches = model.batches(ProgramOptions.of(BATCH, Computation.EVALUATE), rows)) {
            return Evaluation.of(batches);
        }
    }

    private void warn(Omega omega) {
        if (omega == null) {
            return;
        }
        for (RoundingErrors.Weight weight : omega.errors().weights()) {
            String name = weight.parameter().name();
            if (!omega.certain(name)) {
                common.note("the trace of '" + name + "' is estimated as "
                        + Numbers.text("%.3g", omega.traces().get(name).value()) + " +- "
                        + Numbers.text("%.2g", omega.traces().get(name).halfWidth())
                        + ", which does not tell it from 0, and counts as "
                        + Numbers.text("%.3g", omega.trace(name)) + "; more --probes or --gauss-newton");
            }
        }
    }
}
