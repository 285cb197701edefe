package dev.sagitta.cli.demo;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.DataSet;
import dev.sagitta.kernel.Optimiser;
import dev.sagitta.kernel.OptimiserSettings;
import dev.sagitta.kernel.Step;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** AdamW over shuffled batches with a warm-up and a cosine to a tenth, keeping what the report shows. */
final class Training implements AutoCloseable {
    private static final double WEIGHT_DECAY = 0.01;
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.99;
    private static final double EPSILON = 1e-8;
    private static final double FINAL_RATE = 0.1;
    private static final int POINTS = 60;
    private static final int HELD_OUT_POINTS = 12;
    /** An automatic policy learns for so many steps before its bits are solved for. */
    private static final int FIRST_RESOLVE = 20;

    private final DemoSettings settings;
    private final Device device;
    private final Stream stream;
    private final DataSet data;
    private final NetworkMemory network;
    private final Graph graph;
    private final ActivationPolicy policy;
    private final Tensor gradients;
    private final Tensor first;
    private final Tensor second;
    private final Tensor decay;
    private final Tensor numbers;
    private final ByteBuffer numbersHost = ByteBuffer.allocateDirect(OptimiserSettings.LENGTH * Float.BYTES)
            .order(ByteOrder.nativeOrder());
    private final List<Tensor> slices = new ArrayList<>();
    private final Step update;
    private Program program;

    Training(DemoSettings settings, Device device, Graph graph, NetworkMemory network, DataSet data, ActivationPolicy policy) {
        this.settings = settings;
        this.device = device;
        this.stream = device.stream();
        this.graph = graph;
        this.network = network;
        this.data = data;
        this.policy = policy;
        long length = network.layout().length();
        this.gradients = network.zeros("gradients", MemoryCategory.GRADIENTS, length);
        this.first = network.zeros("first moment", MemoryCategory.OPTIMIZER, length);
        this.second = network.zeros("second moment", MemoryCategory.OPTIMIZER, length);
        this.numbers = network.zeros("optimiser settings", MemoryCategory.OPTIMIZER, OptimiserSettings.LENGTH);
        this.decay = decayMask();
        for (Parameter parameter : network.layout().parameters()) {
            slices.add(network.slice(gradients, parameter));
        }
        this.update = Optimiser.adamW(network.arena(), gradients, first, second, decay, numbers)
                .prepare(device);
        compile();
    }

    private Tensor decayMask() {
        long blocks = Optimiser.decayBlocks(network.layout().length());
        Tensor mask = Tensor.allocate(device, MemoryCategory.OPTIMIZER, "decay", DType.U8, Shape.of(blocks));
        ByteBuffer host = ByteBuffer.allocateDirect((int) blocks);
        for (Parameter parameter : network.layout().parameters()) {
            long start = network.layout().offset(parameter) / Optimiser.DECAY_BLOCK;
            for (long i = 0; parameter.isMatrix() && i < Optimiser.decayBlocks(parameter.elements()); i++) {
                host.put((int) (start + i), (byte) 1);
            }
        }
        mask.upload(stream, host);
        return mask;
    }

    private void compile() {
        if (program != null) {
            program.close();
        }
        ProgramOptions options = network.bind(ProgramOptions.of(settings.batch(), Computation.GRADIENT))
                .training(true)
                .seed(settings.seed())
                .store(policy.store());
        for (Tensor slice : slices) {
            options = options.bind(slice.name() + ".gradient", slice);
        }
        program = Program.compile(graph, device, options);
    }

    /** Trains and measures. */
    DemoResult.Training run(Evaluation.Evaluator heldOut, Progress progress) {
        List<DemoResult.Point> curve = new ArrayList<>();
        SplittableRandom random = new SplittableRandom(settings.seed());
        ByteBuffer inputs = host(data.inputBytes(settings.batch()));
        ByteBuffer targets = host(data.targetBytes(settings.batch()));
        int[] order = {};
        int next = 0;
        int steps = settings.steps();
        int interval = Math.max(1, steps / POINTS);
        int heldOutInterval = Math.max(interval, steps / HELD_OUT_POINTS / interval * interval);
        long busy = 0;
        curve.add(new DemoResult.Point(0, null, heldOut.evaluate().loss()));
        try (Progress.Bar bar = progress.start("training, activations " + label(), steps)) {
            for (int step = 1; step <= steps; step++) {
                long start = System.nanoTime();
                if (next + settings.batch() > order.length) {
                    order = epoch(random);
                    next = 0;
                }
                data.batch(order, next, settings.batch(), inputs, targets);
                next += settings.batch();
                program.tensor("input").upload(stream, inputs.duplicate().order(inputs.order()));
                program.tensor("target").upload(stream, targets.duplicate().order(targets.order()));
                if (program.hasTensor("random")) {
                    program.setRandom(settings.seed(), step);
                }
                numbersHost.asFloatBuffer().put(OptimiserSettings.adamW(
                        rate(step), BETA1, BETA2, EPSILON, WEIGHT_DECAY, step, Double.POSITIVE_INFINITY));
                numbers.upload(stream, numbersHost.duplicate().order(numbersHost.order()));
                program.run(Computation.GRADIENT);
                update.enqueue(stream);
                boolean reports = step % interval == 0 || step == steps;
                float loss = reports ? program.loss() : 0;
                if (!reports) {
                    stream.synchronize();
                }
                busy += System.nanoTime() - start;
                if (reports) {
                    requireFinite(loss, step);
                    boolean evaluates = step % heldOutInterval == 0 || step == steps;
                    curve.add(new DemoResult.Point(step, (double) loss, evaluates ? heldOut.evaluate().loss() : null));
                }
                if (policy.isAutomatic() && resolvesAt(step) && policy.resolve(program)) {
                    compile();
                }
                bar.step();
            }
        }
        return new DemoResult.Training(
                policy.toString(),
                policy.bits(),
                curve,
                heldOut.evaluate(),
                busy * 1e-6 / steps,
                memory(),
                program.memory().savedBytes(),
                program.memory().saved());
    }

    private String label() {
        return policy.isExact() ? "exact" : "in " + policy + " bits";
    }

    private boolean resolvesAt(int step) {
        return step == FIRST_RESOLVE || step == settings.steps() / 3;
    }

    private int[] epoch(SplittableRandom random) {
        int[] order = Examples.permutation(data.size(), random);
        if (order.length >= settings.batch()) {
            return order;
        }
        int[] repeated = new int[settings.batch()];
        java.util.Arrays.setAll(repeated, i -> order[i % order.length]);
        return repeated;
    }

    private double rate(int step) {
        double warmUp = Math.max(1, settings.steps() / 20.0);
        double cosine = 0.5 * (1 + Math.cos(Math.PI * step / settings.steps()));
        return settings.rate() * Math.min(1, step / warmUp) * (FINAL_RATE + (1 - FINAL_RATE) * cosine);
    }

    private void requireFinite(float loss, int step) {
        if (!Float.isFinite(loss)) {
            throw new ArithmeticException("training: the loss is " + loss + " at step " + step
                    + " with activations kept in " + policy + "; give another seed");
        }
    }

    private Map<MemoryCategory, Long> memory() {
        Map<MemoryCategory, Long> bytes = new EnumMap<>(MemoryCategory.class);
        bytes.putAll(program.memory().peak());
        bytes.merge(MemoryCategory.WEIGHTS, network.arena().bytes(), Long::sum);
        bytes.merge(MemoryCategory.GRADIENTS, gradients.bytes(), Long::sum);
        bytes.merge(MemoryCategory.OPTIMIZER, first.bytes() + second.bytes() + decay.bytes() + numbers.bytes(), Long::sum);
        return bytes;
    }

    private static ByteBuffer host(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    @Override
    public void close() {
        if (program != null) {
            program.close();
        }
        update.close();
        slices.forEach(slice -> slice.buffer().close());
        for (Tensor tensor : new Tensor[] {gradients, first, second, decay, numbers}) {
            tensor.buffer().close();
        }
    }
}
