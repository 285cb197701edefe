package dev.sagitta.bench;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.fixture.TimedBench;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.optimiser.Optimiser;
import dev.sagitta.kernel.optimiser.OptimiserSettings;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Random;

/** Programs of one of MEASURE's networks, filled with random data. */
final class NetworkState implements AutoCloseable {
    static final int PROBES = 8;
    /** Of a central difference of fp32 gradients. */
    private static final double DIFFERENCE_TOLERANCE = 0.02;
    /** Of the squared norm of the gradient: four bits are far below. */
    private static final double NOISE = 0.05;

    private final TimedBench bench;
    private final TimedNetwork network;
    private final Graph graph;

    NetworkState(TimedBench bench, TimedNetwork network) {
        this.bench = bench;
        this.network = network;
        this.graph = network.graph();
    }

    Program program(String activationBits, Computation first, Computation... more) {
        ProgramOptions options = ProgramOptions.of(network.batch(), first, more)
                .probes(PROBES)
                .training(true)
                .store(ActivationPolicy.parse(activationBits).store());
        Program program = bench.own(Program.compile(graph, bench.device(), options));
        Random random = new Random(5);
        int classes = Math.toIntExact(graph.output().shape().extent(-1));
        Tensor input = program.tensor("input");
        int inputs = Math.toIntExact(input.elements());
        if (input.dtype() == DType.I32) {
            input.upload(bench.stream(), random.ints(inputs, 0, classes).toArray());
        } else {
            input.upload(bench.stream(), normal(random, inputs, 1));
        }
        Tensor target = program.tensor("target");
        target.upload(
                bench.stream(),
                random.ints(Math.toIntExact(target.elements()), 0, classes).toArray());
        for (Parameter parameter : graph.parameters()) {
            program.tensor(parameter.name()).upload(bench.stream(), initial(random, parameter));
        }
        for (Parameter parameter : graph.parameters()) {
            if (program.hasTensor(parameter.name() + ".vector")) {
                int count = PROBES * (int) parameter.elements();
                float[] signs = new float[count];
                for (int i = 0; i < count; i++) {
                    signs[i] = random.nextBoolean() ? 1 : -1;
                }
                program.tensor(parameter.name() + ".vector").upload(bench.stream(), signs);
            }
        }
        return program;
    }

    /** Weights that keep the size of what they multiply, and vectors some 0.1 off what they start from: 0 of a bias, 1 of a norm's scale. */
    private static float[] initial(Random random, Parameter parameter) {
        long rows = parameter.shape().extent(0);
        double deviation = parameter.shape().rank() > 1 ? Math.sqrt((double) rows / parameter.elements()) : 0.1;
        float[] values = normal(random, (int) parameter.elements(), deviation);
        for (int i = 0; i < values.length; i++) {
            values[i] += (float) parameter.init().centre();
        }
        return values;
    }

    private static float[] normal(Random random, int count, double deviation) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (random.nextGaussian() * deviation);
        }
        return values;
    }

    /** Gradient, an AdamW step over the parameters, and the step's random numbers: one step of training. */
    Step trainingStep(Program program) {
        Tensor parameters = program.tensor("parameters");
        Tensor m = bench.zeros("m", DType.F32, parameters.elements());
        Tensor v = bench.zeros("v", DType.F32, parameters.elements());
        Tensor settings = bench.empty("settings", DType.F32, OptimiserSettings.LENGTH);
        settings.upload(
                bench.stream(), OptimiserSettings.adamW(1e-4, 0.9, 0.999, 1e-8, 0.01, 1, Double.POSITIVE_INFINITY));
        Step update =
                bench.prepare(Optimiser.adamW(parameters, program.tensor("parameters.gradient"), m, v, null, settings));
        Step advance = program.hasTensor("random")
                ? bench.prepare(dev.sagitta.kernel.random.Random.advance(program.tensor("random")))
                : null;
        return new Step() {
            @Override
            public void enqueue(dev.sagitta.device.Stream stream) {
                program.run(Computation.GRADIENT);
                update.enqueue(stream);
                if (advance != null) {
                    advance.enqueue(stream);
                }
            }

            @Override
            public void close() {}
        };
    }

    /**
     * v' H v of the last probe against v' (H v), and against a central difference of the loss's gradient; where that has jumps, u' (H v) against v' (H u).
     */
    void verify(Program program) {
        program.run(Computation.HESSIAN_VECTOR);
        int last = PROBES - 1;
        double product = product(program, last, last);
        double other = product(program, last - 1, last);
        double turned = product(program, last, last - 1);
        program.run(Computation.HESSIAN_QUADRATIC);
        double quadratic = bench.floats(program.tensor("quadratic"))[last];
        boolean agree = Math.abs(product - quadratic) <= 1e-3 * Math.abs(product) + 1e-4
                && Math.abs(other - turned) <= 1e-3 * Math.abs(product) + 1e-4;
        double step = 1e-3;
        double difference =
                network.hasKinks() ? product : (slope(program, last, step) - slope(program, last, -step)) / (2 * step);
        if (!agree || !(Math.abs(product - difference) <= DIFFERENCE_TOLERANCE * Math.abs(product) + 1e-2)) {
            throw new IllegalStateException(
                    "v'(Hv) is " + product + ", v'Hv " + quadratic + ", the difference of gradients " + difference
                            + ", u'(Hv) " + other + ", v'(Hu) " + turned + ": a wrong product is not timed");
        }
    }

    /** The product of probe i with what H makes of probe j. */
    private double product(Program program, int i, int j) {
        double sum = 0;
        for (Parameter parameter : graph.parameters()) {
            int n = (int) parameter.elements();
            float[] v = bench.floats(program.tensor(parameter.name() + ".vector"), (long) i * n, n);
            float[] hv = bench.floats(program.tensor(parameter.name() + ".product"), (long) j * n, n);
            for (int e = 0; e < n; e++) {
                sum += (double) v[e] * hv[e];
            }
        }
        return sum;
    }

    /** The gradient through compressed activations against the exact one: unbiased noise, small against the gradient. */
    void verify(Program compressed, Program exact) {
        compressed.run(Computation.GRADIENT);
        exact.run(Computation.GRADIENT);
        float[] a = bench.floats(compressed.tensor("parameters.gradient"));
        float[] b = bench.floats(exact.tensor("parameters.gradient"));
        double noise = 0;
        double norm = 0;
        for (int i = 0; i < a.length; i++) {
            noise += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
            norm += (double) b[i] * b[i];
        }
        if (!(noise <= NOISE * norm)) {
            throw new IllegalStateException("the compressed gradient differs from the exact one by "
                    + Math.sqrt(noise / norm) + " of its norm: a wrong step is not timed");
        }
    }

    /** The derivative of the loss along probe k at a distance from the parameters along it. */
    private double slope(Program program, int k, double distance) {
        double along = 0;
        move(program, k, distance);
        program.run(Computation.GRADIENT);
        for (Parameter parameter : graph.parameters()) {
            int n = (int) parameter.elements();
            float[] v = bench.floats(program.tensor(parameter.name() + ".vector"), (long) k * n, n);
            float[] gradient = bench.floats(program.tensor(parameter.name() + ".gradient"));
            for (int i = 0; i < n; i++) {
                along += (double) v[i] * gradient[i];
            }
        }
        move(program, k, -distance);
        return along;
    }

    private void move(Program program, int k, double distance) {
        for (Parameter parameter : graph.parameters()) {
            int n = (int) parameter.elements();
            float[] v = bench.floats(program.tensor(parameter.name() + ".vector"), (long) k * n, n);
            float[] values = bench.floats(program.tensor(parameter.name()));
            for (int i = 0; i < n; i++) {
                values[i] += (float) (distance * v[i]);
            }
            program.tensor(parameter.name()).upload(bench.stream(), values);
        }
    }

    @Override
    public void close() throws Exception {
        bench.close();
    }
}
