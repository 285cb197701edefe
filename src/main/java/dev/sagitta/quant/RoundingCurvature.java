package dev.sagitta.quant;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.kernel.packed.PackedWeights;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.kernel.packed.Quantize;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ParameterRole;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Role;
import dev.sagitta.program.Rows;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Sensitivity by the curvature along the rounding errors themselves: what a choice costs is v'Hv with v = Q(W) - W in its weight and zero
 * elsewhere, twice the second-order change of the loss. {@link Omega} replaces it by tr(H)/n ||v||^2, as if the error had no
 * direction; at 2 bits it has one. Eight choices share a forward and a backward pass.
 *
 * <p>Where v'Hv is negative the loss falls along the error as far as the second order tells, which is no reason to round coarsely: v'Gv with the
 * Gauss-Newton matrix, never negative, stands in its place.
 */
public final class RoundingCurvature implements Sensitivity {
    private static final int CHOICES_PER_PASS = 8;

    private final RoundingErrors errors;
    /** By weight and bits. */
    private final Map<String, Map<Integer, Double>> costs = new LinkedHashMap<>();

    private record Choice(Parameter parameter, QuantFormat format) {}

    private RoundingCurvature(RoundingErrors errors, List<Choice> choices, double[] curvature) {
        this.errors = errors;
        for (int i = 0; i < curvature.length; i++) {
            Choice choice = choices.get(i);
            costs.computeIfAbsent(choice.parameter().name(), name -> new LinkedHashMap<>())
                    .put(choice.format().bits(), curvature[i]);
        }
    }

    /**
     * @param errors the choices
     * @param settings examples per pass, whether v'Gv stands in all places, and batch norm's statistics
     * @param rows the loss is the mean over these
     */
    static RoundingCurvature measure(
            Checkpoint checkpoint, Device device, RoundingErrors errors, Quantizer.Settings settings, Rows rows) {
        List<Choice> choices = new ArrayList<>();
        for (RoundingErrors.Weight weight : errors.weights()) {
            weight.choices().forEach(choice -> choices.add(new Choice(weight.parameter(), choice.format())));
        }
        Pass pass = new Pass(checkpoint, device, settings, rows);
        if (settings.gaussNewton()) {
            return new RoundingCurvature(errors, choices, pass.quadratics(Computation.GAUSS_NEWTON_QUADRATIC, choices));
        }
        double[] curvature = pass.quadratics(Computation.HESSIAN_QUADRATIC, choices);
        List<Integer> negative = IntStream.range(0, curvature.length)
                .filter(i -> curvature[i] < 0)
                .boxed()
                .toList();
        if (!negative.isEmpty()) {
            double[] instead = pass.quadratics(
                    Computation.GAUSS_NEWTON_QUADRATIC,
                    negative.stream().map(choices::get).toList());
            for (int i = 0; i < instead.length; i++) {
                curvature[negative.get(i)] = instead[i];
            }
        }
        return new RoundingCurvature(errors, choices, curvature);
    }

    @Override
    public RoundingErrors errors() {
        return errors;
    }

    @Override
    public double cost(String weight, int bits) {
        Double cost = costs.getOrDefault(weight, Map.of()).get(bits);
        if (cost == null) {
            throw new IllegalArgumentException("weight '" + weight + "' was not measured at " + bits + " bits");
        }
        return cost;
    }

    /** What a plan adds to the loss to second order, weight by weight: half of v'Hv. Terms between two weights are left out. */
    public double lossIncrease(QuantPlan plan) {
        return cost(plan) / 2;
    }

    /** Quadratic forms along rounding errors, with the checkpoint's weights. */
    private record Pass(Checkpoint checkpoint, Device device, Quantizer.Settings settings, Rows rows) {
        double[] quadratics(Computation computation, List<Choice> choices) {
            double[] all = new double[choices.size()];
            int probes = Math.min(CHOICES_PER_PASS, choices.size());
            ProgramOptions options = settings.program(computation).probes(probes);
            try (Batches batches = new Batches(checkpoint.graph(), device, options, rows)) {
                Program program = batches.program();
                program.load(parameter -> checkpoint.parameter(parameter.name()).bytes());
                for (int first = 0; first < all.length; first += probes) {
                    List<Choice> some = choices.subList(first, Math.min(all.length, first + probes));
                    Tensor vectors = program.flat(ParameterRole.VECTOR);
                    program.stream().fill(vectors.buffer(), 0, vectors.buffer().bytes(), (byte) 0);
                    for (int k = 0; k < some.size(); k++) {
                        writeError(checkpoint, program, some.get(k), k);
                    }
                    double[] quadratics = batches.mean(computation, Role.QUADRATIC);
                    for (int k = 0; k < some.size(); k++) {
                        all[first + k] = finite(quadratics[k], some.get(k));
                    }
                }
            }
            return all;
        }

        private static double finite(double curvature, Choice choice) {
            if (!Double.isFinite(curvature)) {
                throw new ArithmeticException("curvature along the rounding error of '"
                        + choice.parameter().name() + "' is " + curvature
                        + "; check weights and inputs for NaN or infinity");
            }
            return curvature;
        }
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
                            Quantize.dequantize(packed, error),
                            Arithmetic.axpy(-1, program.tensor(ParameterRole.WEIGHT, name), error))
                    .prepare(device)) {
                step.enqueue(stream);
                stream.copy(
                        program.tensor(ParameterRole.VECTOR, name).buffer(),
                        k * error.bytes(),
                        error.buffer(),
                        0,
                        error.bytes());
                stream.synchronize();
            }
        } finally {
            PackedTensors.close(packed);
            if (error != null) {
                error.buffer().close();
            }
        }
    }
}
