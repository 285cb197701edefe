package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.curvature.NetworkGradient;
import dev.sagitta.curvature.estimator.Estimate;
import dev.sagitta.curvature.estimator.HutchinsonTrace;
import dev.sagitta.curvature.estimator.Lanczos;
import dev.sagitta.curvature.operator.NetworkOperator;
import dev.sagitta.data.DataRows;
import dev.sagitta.device.Device;
import dev.sagitta.device.OutOfDeviceMemoryException;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.AtomicFile;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Rows;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sagitta curvature}: trace per layer with standard errors, and the largest eigenvalues. */
@Command(
        name = "curvature",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Estimates the trace of the Hessian of the mean loss over all rows given, whole and per parameter tensor, from random "
                        + "probes (Hutchinson), and its largest eigenvalues (Lanczos). Dropout is off.")
final class CurvatureCommand implements Callable<Integer> {
    /** Beyond that, a product gains little from more probes at once. */
    private static final int MOST_AT_ONCE = 8;

    private static final double CONFIDENCE = 0.95;
    private static final int LANCZOS_STEPS = 100;

    @Reads
    @Option(
            names = "--checkpoint",
            required = true,
            paramLabel = "C.safetensors",
            description = "The model, or a folder of Hugging Face's layout.")
    private Path checkpoint;

    @Option(
            names = "--probes",
            defaultValue = "64",
            paramLabel = "N",
            description = "Random vectors, at most; two or more tell an error (default ${DEFAULT-VALUE}).")
    private int probes;

    @Option(
            names = "--separate",
            description =
                    "Probes of their own for each parameter tensor: smaller errors per layer, a product per layer and probe.")
    private boolean separate;

    @Option(
            names = "--relative-error",
            defaultValue = "0",
            paramLabel = "E",
            description =
                    "Stop once the 95%% interval's half-width is this fraction of the estimate (default: use all probes).")
    private double relativeError;

    @Option(
            names = "--top-k",
            defaultValue = "0",
            paramLabel = "K",
            description = "Largest eigenvalues, multiple ones as often as they are there (default: none).")
    private int topK;

    @Option(names = "--gauss-newton", description = "The Gauss-Newton matrix J' H_loss J in place of the Hessian.")
    private boolean gaussNewton;

    @Writes
    @Option(names = "--report", paramLabel = "F.html", description = "Write a self-contained page with plots.")
    private Path report;

    @Option(
            names = "--rows",
            paramLabel = "N",
            description = "Use only so many rows, chosen by the seed (default: all that are given).")
    private Integer rows;

    @Option(
            names = "--batch",
            defaultValue = "512",
            paramLabel = "B",
            description = "Examples at a time; changes memory, not the matrix (default ${DEFAULT-VALUE}).")
    private int batch;

    @Mixin
    private DataOptions data;

    @Mixin
    private BatchNormOptions batchNorm;

    @Mixin
    private CommonOptions common;

    @Override
    public Integer call() {
        common.require(probes >= 1, "--probes is " + probes + ", expected at least 1");
        common.require(topK >= 0, "--top-k is " + topK + ", expected at least 0");
        common.require(batch >= 1, "--batch is " + batch + ", expected at least 1");
        common.require(rows == null || rows >= 1, "--rows is " + rows + ", expected at least 1");
        common.require(
                relativeError >= 0 && relativeError < 1, "--relative-error is " + relativeError + ", expected 0 to 1");
        try (Checkpoint source = ModelFiles.open(checkpoint, data, common)) {
            batchNorm.note(source.graph(), common);
            long seed = common.seed(EvalCommand.seed(source));
            DataRows examples = DataRows.of(
                    data.all(source, common).sample(rows == null ? Integer.MAX_VALUE : rows, seed, "rows/curvature"));
            try (Device device = common.open()) {
                measure(source, device, examples, seed);
            }
        }
        return CommandLine.ExitCode.OK;
    }

    private void measure(Checkpoint source, Device device, Rows examples, long seed) {
        ObjectNode result = JsonNodeFactory.instance.objectNode();
        Progress progress = CommonOptions.progress();
        gradient(source, device, examples, result);
        HutchinsonTrace.Result trace = trace(source, device, examples, seed, progress);
        Lanczos.Result spectrum = topK == 0 ? null : spectrum(source, device, examples, seed, progress);
        ObjectNode total =
                result.putObject("trace").put("estimate", trace.total().value());
        Numbers.put(total, "standardError", trace.total().standardError())
                .put("probes", trace.total().probes());
        ArrayNode layers = result.putArray("layers");
        for (int l = 0; l < trace.parameters().size(); l++) {
            Parameter parameter = trace.parameters().get(l);
            Estimate block = trace.blocks().get(l);
            ObjectNode layer = layers.addObject()
                    .put("name", parameter.name())
                    .put("parameters", parameter.elements())
                    .put("trace", block.value());
            Numbers.put(layer, "standardError", block.standardError())
                    .put("averageTrace", block.value() / parameter.elements());
        }
        ArrayNode eigenvalues = result.putArray("eigenvalues");
        if (spectrum != null) {
            spectrum(source, spectrum, eigenvalues, result.putObject("spectrum"));
        }
        if (report != null) {
            AtomicFile.writeText(
                    report,
                    new CurvatureReport(checkpoint, examples.size(), gaussNewton, separate, result, trace, spectrum)
                            .toHtml());
        }
        common.result(result, out -> print(out, result, trace));
    }

    private void spectrum(Checkpoint source, Lanczos.Result spectrum, ArrayNode eigenvalues, ObjectNode details) {
        ArrayNode bounds = details.putArray("residualBounds");
        for (int i = 0; i < spectrum.values().length; i++) {
            eigenvalues.add(spectrum.values()[i]);
            bounds.add(spectrum.residualBounds()[i]);
        }
        details.put("converged", spectrum.converged())
                .put("certain", spectrum.certain())
                .put("products", spectrum.products());
        Numbers.put(details, "missedBelow", spectrum.missedBelow());
        long dimension = source.graph().parameterCount();
        if (dimension < topK) {
            common.note("--top-k is " + topK + ", the matrix has only " + dimension + " eigenvalues");
        }
        String doubt = doubt(spectrum);
        if (doubt != null) {
            common.note(doubt);
        }
    }

    /** What the products made leave open about the eigenvalues; null if nothing. */
    static String doubt(Lanczos.Result spectrum) {
        int count = spectrum.values().length;
        if (spectrum.converged() && spectrum.certain() == count) {
            return null;
        }
        String after = "after " + spectrum.products() + " products ";
        if (!spectrum.converged()) {
            return String.format(
                    Locale.ROOT,
                    "%snot all eigenvalues are converged, %d of %d are certain; the largest residual is %.3g",
                    after,
                    spectrum.certain(),
                    count,
                    java.util.Arrays.stream(spectrum.residualBounds()).max().orElse(0));
        }
        return String.format(
                Locale.ROOT,
                "%s%d of %d eigenvalues are certain: others, or copies of those found, may lie below %.6g",
                after,
                spectrum.certain(),
                count,
                spectrum.missedBelow());
    }

    private void gradient(Checkpoint source, Device device, Rows examples, ObjectNode result) {
        try (Batches batches = batches(source, device, examples, Computation.GRADIENT, 1);
                NetworkGradient network = new NetworkGradient(batches)) {
            network.compute();
            List<HostTensor> g =
                    NetworkVectors.download(batches.program().layout(), network.gradient(), batches.program().stream());
            double norm = Math.sqrt(NetworkVectors.dot(g, g));
            if (!Double.isFinite(network.loss()) || !Double.isFinite(norm)) {
                throw new ArithmeticException("the loss is " + network.loss() + " and the gradient's norm " + norm
                        + ": there is no curvature to measure");
            }
            result.put("loss", network.loss()).put("gradientNorm", norm);
        }
    }

    private HutchinsonTrace.Result trace(
            Checkpoint source, Device device, Rows examples, long seed, Progress progress) {
        HutchinsonTrace estimator = new HutchinsonTrace(probes, relativeError, CONFIDENCE, separate);
        // as few rounds as MOST_AT_ONCE allows, equally full
        int atOnce = (int) rounds(probes, rounds(probes, MOST_AT_ONCE));
        while (atOnce > 1 && bytes(source.graph(), Math.min(batch, examples.size()), atOnce) > free(device)) {
            atOnce = (atOnce + 1) / 2;
        }
        while (true) {
            long products = rounds(probes, atOnce)
                    * (separate ? source.graph().parameters().size() : 1);
            try (Progress.Bar bar = progress.start("trace", products);
                    WatchedOperator operator = operator(source, device, examples, atOnce, bar)) {
                return estimator.estimate(operator, seed);
            } catch (OutOfDeviceMemoryException e) {
                if (atOnce == 1) {
                    throw e;
                }
                atOnce = (atOnce + 1) / 2;
            }
        }
    }

    private Lanczos.Result spectrum(Checkpoint source, Device device, Rows examples, long seed, Progress progress) {
        int steps = (int) Math.min(Integer.MAX_VALUE, Math.max(LANCZOS_STEPS, 4L * topK));
        Lanczos lanczos = new Lanczos(steps, Lanczos.DEFAULT.tolerance());
        try (Progress.Bar bar = progress.start("eigenvalues", lanczos.mostProducts());
                WatchedOperator operator = operator(source, device, examples, 1, bar)) {
            return lanczos.largest(operator, topK, seed);
        }
    }

    private static long rounds(long count, long atOnce) {
        return (count + atOnce - 1) / atOnce;
    }

    private WatchedOperator operator(Checkpoint source, Device device, Rows examples, int atOnce, Progress.Bar bar) {
        Computation product = gaussNewton ? Computation.GAUSS_NEWTON_VECTOR : Computation.HESSIAN_VECTOR;
        return new WatchedOperator(
                new NetworkOperator(batches(source, device, examples, product, atOnce), product), bar);
    }

    private Batches batches(Checkpoint source, Device device, Rows examples, Computation computation, int atOnce) {
        ProgramOptions options =
                batchNorm.of(ProgramOptions.of(batch, computation)).probes(atOnce);
        Batches batches = new Batches(source.graph(), device, options, examples);
        try {
            NetworkVectors.load(source, batches);
            return batches;
        } catch (RuntimeException e) {
            batches.close();
            throw e;
        }
    }

    /** An estimate: vectors, products and their sum, and twice the tangents of all values. */
    private static long bytes(Graph graph, int batch, int atOnce) {
        long values = graph.nodes().stream()
                .map(Node::shape)
                .mapToLong(shape -> shape.elements())
                .sum();
        return Float.BYTES * (long) atOnce * (3 * graph.parameterCount() + 2L * batch * values);
    }

    private static long free(Device device) {
        return (device.info().memoryBytes() - device.memory().currentBytes()) / 2;
    }

    private void print(PrintWriter out, ObjectNode result, HutchinsonTrace.Result trace) {
        Estimate total = trace.total();
        out.printf(
                Locale.ROOT,
                "loss %.6g, gradient norm %.6g%ntrace %.6g +- %s (standard error, %d probe%s)%n",
                result.get("loss").doubleValue(),
                result.get("gradientNorm").doubleValue(),
                total.value(),
                Numbers.text("%.2g", total.standardError()),
                total.probes(),
                total.probes() == 1 ? "" : "s");
        int width = 9;
        for (Parameter parameter : trace.parameters()) {
            width = Math.max(width, parameter.name().length());
        }
        out.printf("%-" + width + "s %12s %12s %10s %12s%n", "parameter", "elements", "trace", "+-", "per element");
        for (int l = 0; l < trace.parameters().size(); l++) {
            Parameter parameter = trace.parameters().get(l);
            Estimate block = trace.blocks().get(l);
            out.printf(
                    Locale.ROOT,
                    "%-" + width + "s %12d %12.5g %s %12.4g%n",
                    parameter.name(),
                    parameter.elements(),
                    block.value(),
                    Numbers.text("%10.2g", block.standardError()),
                    block.value() / parameter.elements());
        }
        if (!result.get("eigenvalues").isEmpty()) {
            out.print("largest eigenvalues");
            result.get("eigenvalues").forEach(value -> out.printf(Locale.ROOT, " %.6g", value.doubleValue()));
            out.println();
        }
        if (report != null) {
            out.println("wrote " + report);
        }
    }
}
