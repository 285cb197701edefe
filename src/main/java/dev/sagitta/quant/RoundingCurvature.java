package dev.sagitta.quant;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.Checkpoint;
import dev.sagitta.io.HostTensor;
import dev.sagitta.kernel.Arithmetic;
import dev.sagitta.kernel.DequantizeWeights;
import dev.sagitta.kernel.PackedWeights;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.QuantFormat;
import dev.sagitta.kernel.Step;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Bits by the curvature along the rounding errors themselves: what a choice costs is v'Hv with v = Q(W) - W in its weight and zero elsewhere,
 * twice the second-order change of the loss. Omega of HAWQ-V2 ({@link Sensitivity}) replaces it by tr(H)/n ||v||^2, as if the error had no
 * direction; at 2 bits it has one. Eight choices share a forward and a backward pass.
 */
public final class RoundingCurvature {
    private static final int CHOICES_PER_PASS = 8;

    private final Quantizer quantizer;
    private final Quantizer.Settings settings;
    private final BitTable table;

    private record Choice(Parameter parameter, QuantFormat format, long bytes) {}

    /**
     * @param sensitivity what was measured before: weights, formats and bytes
     * @param rows the loss is the mean over these
     */
    public static RoundingCurvature measure(
            Checkpoint checkpoint,
            Device device,
            Quantizer quantizer,
            Quantizer.Settings settings,
            Sensitivity sensitivity,
            Batches.Rows rows) {
        List<Choice> choices = new ArrayList<>();
        for (Sensitivity.Weight weight : sensitivity.weights()) {
            for (Sensitivity.Choice choice : weight.choices()) {
                choices.add(new Choice(weight.parameter(), choice.format(), choice.bytes()));
            }
        }
        double[] curvature = new double[choices.size()];
        int probes = Math.min(CHOICES_PER_PASS, choices.size());
        ProgramOptions options = ProgramOptions.of(settings.batch(), Computation.HESSIAN_QUADRATIC)
                .probes(probes);
        try (Batches batches = new Batches(checkpoint.graph(), device, options, rows)) {
            Program program = batches.program();
            for (Parameter parameter : checkpoint.graph().parameters()) {
                program.tensor(parameter.name())
                        .upload(
                                program.stream(),
                                checkpoint.parameter(parameter.name()).bytes());
            }
            for (int first = 0; first < choices.size(); first += probes) {
                List<Choice> some = choices.subList(first, Math.min(choices.size(), first + probes));
                Tensor vectors = program.tensor("parameters.vector");
                program.stream().fill(vectors.buffer(), 0, vectors.buffer().bytes(), (byte) 0);
                for (int k = 0; k < some.size(); k++) {
                    writeError(checkpoint, program, some.get(k), k);
                }
                double[] quadratics = quadratics(batches, probes);
                System.arraycopy(quadratics, 0, curvature, first, some.size());
            }
        }
        return new RoundingCurvature(quantizer, settings, table(choices, curvature));
    }

    private RoundingCurvature(Quantizer quantizer, Quantizer.Settings settings, BitTable table) {
        this.quantizer = quantizer;
        this.settings = settings;
        this.table = table;
    }

    /** Slot k of the weight's vectors becomes Q(W) - W. */
    private static void writeError(Checkpoint checkpoint, Program program, Choice choice, int k) {
        Device device = program.device();
        Stream stream = program.stream();
        String name = choice.parameter().name();
        HostTensor full = checkpoint.parameter(name);
        PackedWeights packed = new WeightQuantizer(device, stream)
                .quantize(full, choice.format())
                .packed()
                .upload(device, stream);
        Tensor error = null;
        try {
            error = Tensor.allocate(device, MemoryCategory.WORKSPACE, name + ".error", DType.F32, full.shape());
            try (Step step = Preparable.sequence(
                            new DequantizeWeights(packed, error), Arithmetic.axpy(-1, program.tensor(name), error))
                    .prepare(device)) {
                step.enqueue(stream);
                stream.copy(
                        program.tensor(name + ".vector").buffer(), k * error.bytes(), error.buffer(), 0, error.bytes());
                stream.synchronize();
            }
        } finally {
            PackedTensors.close(packed);
            if (error != null) {
                error.buffer().close();
            }
        }
    }

    private static double[] quadratics(Batches batches, int probes) {
        double[] mean = new double[probes];
        for (int i = 0; i < batches.count(); i++) {
            batches.run(i, Computation.HESSIAN_QUADRATIC);
            float[] part = batches.program(i).tensor("quadratic").downloadFloats(batches.program().stream());
            for (int k = 0; k < probes; k++) {
                mean[k] += (double) part[k] * batches.rows(i) / batches.totalRows();
            }
        }
        return mean;
    }

    private static BitTable table(List<Choice> choices, double[] curvature) {
        Map<String, List<BitTable.Option>> byWeight = new LinkedHashMap<>();
        for (int i = 0; i < curvature.length; i++) {
            if (!Double.isFinite(curvature[i])) {
                throw new ArithmeticException("curvature along the rounding error of '"
                        + choices.get(i).parameter().name() + "' is " + curvature[i]
                        + "; check weights and inputs for NaN or infinity");
            }
            Choice choice = choices.get(i);
            int bits = choice.format().bits();
            // a negative value promises a gain that only the second-order model sees
            byWeight.computeIfAbsent(choice.parameter().name(), key -> new ArrayList<>())
                    .add(new BitTable.Option(
                            bits,
                            Math.max(0, curvature[i]),
                            choice.bytes(),
                            (double) bits * choice.parameter().elements()));
        }
        List<BitTable.Layer> layers = new ArrayList<>();
        byWeight.forEach((name, options) -> layers.add(new BitTable.Layer(name, options)));
        return new BitTable(layers, List.of());
    }

    /** v'Hv of each choice in the place of omega. */
    public BitTable table() {
        return table;
    }

    /** What a choice of bits costs. */
    public double of(String weight, int bits) {
        return table.layers().stream()
                .filter(layer -> layer.name().equals(weight))
                .flatMap(layer -> layer.options().stream())
                .filter(option -> option.bits() == bits)
                .mapToDouble(BitTable.Option::omega)
                .findFirst()
                .orElseThrow(() ->
                        new IllegalArgumentException("weight '" + weight + "' was not measured at " + bits + " bits"));
    }

    /** The plan of least cost whose checkpoint's parameters take so many bytes at most, all of them. */
    public QuantPlan byBytes(long most) {
        Map<String, QuantFormat> formats = new LinkedHashMap<>();
        BitAllocation.minimise(table, BitAllocation.Limit.bytes(most - quantizer.otherBytes()))
                .choice()
                .forEach((name, option) ->
                        formats.put(name, new QuantFormat(option.bits(), settings.group(), settings.symmetric())));
        return new QuantPlan(formats);
    }
}
