package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.curvature.NetworkGradient;
import dev.sagitta.curvature.operator.NetworkOperator;
import dev.sagitta.data.DataRows;
import dev.sagitta.device.Device;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ParameterRole;
import dev.sagitta.program.ProgramOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sagitta hvp}: a product of the Hessian or the Gauss-Newton matrix with a vector from a file. */
@Command(
        name = "hvp",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Multiplies a vector by the Hessian of the mean loss over all rows given, dropout off: exact to fp32's rounding (Pearlmutter),"
                        + " an estimate with --activation-bits.")
final class HvpCommand implements Callable<Integer> {
    @Reads
    @Option(
            names = "--checkpoint",
            required = true,
            paramLabel = "C.safetensors",
            description = "The model, or a folder of Hugging Face's layout.")
    private Path checkpoint;

    @Reads
    @Option(
            names = "--vector",
            required = true,
            paramLabel = "V.safetensors",
            description = "A tensor per parameter, of its name and shape, and no other.")
    private Path vector;

    @Writes
    @Option(
            names = "--out",
            required = true,
            paramLabel = "HV.safetensors",
            description = "The product, tensors named as the parameters.")
    private Path out;

    @Writes
    @Option(names = "--gradient", paramLabel = "G.safetensors", description = "Write the gradient, too.")
    private Path gradient;

    @Option(names = "--gauss-newton", description = "Multiply by the Gauss-Newton matrix J' H_loss J instead.")
    private boolean gaussNewton;

    @Option(
            names = "--activation-bits",
            defaultValue = "none",
            paramLabel = "B",
            converter = ActivationBits.class,
            description = ActivationBits.DESCRIPTION + ActivationBits.OF_PRODUCTS)
    private ActivationPolicy policy;

    @Option(
            names = "--batch",
            defaultValue = "1024",
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
        common.require(batch >= 1, "--batch is " + batch + ", expected at least 1");
        common.noteEffect(!policy.isExact(), "--seed", "nothing is drawn unless --activation-bits rounds at random");
        try (Checkpoint source = ModelFiles.open(checkpoint, data, common)) {
            Graph graph = source.graph();
            List<HostTensor> v = Checkpoint.readVector(vector, graph);
            batchNorm.note(graph, common);
            long seed = common.seed(EvalCommand.seed(source));
            DataRows rows = DataRows.of(data.all(source, common));
            Computation product = gaussNewton ? Computation.GAUSS_NEWTON_VECTOR : Computation.HESSIAN_VECTOR;
            try (Device device = common.open()) {
                ActivationBits.choose(policy, source, device, batchNorm.of(ProgramOptions.of(batch, product)), rows);
                ProgramOptions options = batchNorm
                        .of(
                                gradient == null
                                        ? ProgramOptions.of(batch, product)
                                        : ProgramOptions.of(batch, product, Computation.GRADIENT))
                        .store(policy.store())
                        .seed(seed);
                try (Batches batches = new Batches(graph, device, options, rows)) {
                    NetworkVectors.load(source, batches);
                    multiply(batches, product, v);
                }
            }
        }
        return CommandLine.ExitCode.OK;
    }

    private void multiply(Batches batches, Computation product, List<HostTensor> v) {
        ObjectNode result = JsonNodeFactory.instance.objectNode();
        result.put("rows", batches.totalRows());
        List<HostTensor> g = null;
        if (gradient != null) {
            try (NetworkGradient network = new NetworkGradient(batches)) {
                network.compute();
                g = NetworkVectors.download(batches.program().layout(), network.gradient(), batches.program().stream());
                Numbers.put(result, "loss", network.loss());
                Numbers.put(result, "gradientNorm", Math.sqrt(NetworkVectors.dot(g, g)));
            }
        }
        List<HostTensor> hv;
        try (NetworkOperator operator = new NetworkOperator(batches, product)) {
            for (HostTensor tensor : v) {
                batches.program().tensor(ParameterRole.VECTOR, tensor.name()).upload(operator.stream(), tensor.bytes());
            }
            operator.multiply();
            hv = NetworkVectors.download(operator.layout(), operator.products(), operator.stream());
        }
        double quadratic = NetworkVectors.dot(v, hv);
        Numbers.put(result, "quadratic", quadratic);
        NetworkVectors.write(out, gaussNewton ? "Gv" : "Hv", hv);
        if (g != null) {
            NetworkVectors.write(gradient, "the gradient", g);
        }
        common.result(result, writer -> {
            writer.printf(
                    Locale.ROOT,
                    "%d rows, v'%sv = %s%n",
                    batches.totalRows(),
                    gaussNewton ? "G" : "H",
                    Numbers.text("%.9g", quadratic));
            if (result.has("loss")) {
                writer.printf(
                        Locale.ROOT,
                        "loss %s, gradient norm %s%n",
                        Numbers.text("%.9g", result.get("loss").asDouble(Double.NaN)),
                        Numbers.text("%.9g", result.get("gradientNorm").asDouble(Double.NaN)));
            }
            writer.println("wrote " + out);
        });
    }
}
