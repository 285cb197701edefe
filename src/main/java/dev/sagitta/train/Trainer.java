package dev.sagitta.train;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.data.DataRows;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.OutOfDeviceMemoryException;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.random.Random;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.NonfiniteObserver;
import dev.sagitta.program.ParameterArena;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.program.ParameterRole;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramMemory;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Role;
import dev.sagitta.random.RandomStream;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Trains a network: gradient of a shuffled batch, then one optimiser kernel over all parameters. A warm step allocates nothing on the
 * device, and on the heap only what the driver's binding needs for a few transfers. Everything random follows from the
 * seed, the steps done and the examples seen, so a run that is saved and resumed equals one that was not interrupted, bit for bit on the same
 * device.
 */
public final class Trainer implements AutoCloseable {
    /** An automatic policy chooses bits early, once gradients have been seen, and then from time to time. */
    private static final int FIRST_CHOICE = 16;

    private static final int CHOOSE_EVERY = 256;
    /** Of the steps after the first choice: measuring takes some six launches more for each kept value. */
    private static final int MEASURE_EVERY = 16;

    /** Of the random numbers that a step draws on the device: dropout, rounding. */
    private static final String PURPOSE = "training";

    private final Graph graph;
    private final Device device;
    private final Stream stream;
    private final DataSet data;
    private final TrainingOptions options;
    private final ActivationPolicy policy;
    private final ByteBuffer lossHost = ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder());
    private final List<AutoCloseable> owned = new ArrayList<>();
    private final Weights weights;
    private final ParameterArena gradients;
    private final OptimiserStep optimiser;
    private final LossRing ring;
    private final TrainingBatches batches;
    private Program program;
    private Step advance;
    private Tensor lossTensor;

    private long steps;
    private long seen;
    private long counted;

    /** A run from initial weights. */
    public Trainer(Graph graph, Device device, DataSet data, TrainingOptions options) {
        this(graph, device, data, options, ActivationPolicy.parse(options.activationBits()));
        try {
            InitialWeights.draw(graph, options.seed()).forEach(weights::upload);
            compile();
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** A run from the weights of a checkpoint, which need not be one of a training. */
    public static Trainer from(Checkpoint checkpoint, Device device, DataSet data, TrainingOptions options) {
        Trainer trainer = new Trainer(
                checkpoint.graph(), device, data, options, ActivationPolicy.parse(options.activationBits()));
        try {
            trainer.upload(checkpoint);
            trainer.compile();
            return trainer;
        } catch (RuntimeException | Error e) {
            trainer.close();
            throw e;
        }
    }

    private void upload(Checkpoint checkpoint) {
        graph.everyParameter().forEach(parameter -> weights.upload(checkpoint.parameter(parameter.name())));
    }

    private Trainer(Graph graph, Device device, DataSet data, TrainingOptions options, ActivationPolicy policy) {
        data.requireFits(graph);
        data.requireCounted();
        this.graph = graph;
        this.device = device;
        this.stream = device.stream();
        this.data = data;
        this.options = options;
        this.policy = policy;
        try {
            ParameterLayout layout = ParameterLayout.of(graph);
            this.weights = own(new Weights(graph, device));
            this.gradients = own(new ParameterArena(layout, device, MemoryCategory.GRADIENTS, "gradients"));
            this.optimiser = own(new OptimiserStep(layout, device, options.optimiser(), weights.trained(), gradients));
            this.ring = own(new LossRing(stream));
            this.batches = own(new TrainingBatches(data, device, options.batch(), options.seed()));
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** A run that goes on from a checkpoint; options may differ from those it was saved with. */
    public static Trainer resume(
            Checkpoint checkpoint, Device device, DataSet data, TrainingOptions options, TrainingState state) {
        ActivationPolicy policy = ActivationPolicy.parse(options.activationBits());
        boolean samePolicy = state.options().activationBits().equals(options.activationBits());
        if (samePolicy) {
            policy.restore(state.bits());
        }
        Trainer trainer = new Trainer(checkpoint.graph(), device, data, options, policy);
        try {
            trainer.upload(checkpoint);
            trainer.optimiser.restore(checkpoint);
            trainer.steps = state.step();
            trainer.seen = state.seen();
            trainer.compile();
            if (samePolicy) {
                policy.restoreMeasured(trainer.program, state.measured());
            }
            return trainer;
        } catch (RuntimeException | Error e) {
            trainer.close();
            throw e;
        }
    }

    private Computation[] computations() {
        return policy.isAutomatic() ? new Computation[] {Computation.MEASURED_GRADIENT} : new Computation[0];
    }

    /** By the steps alone: a resumed run measures the same ones. */
    private Computation computation() {
        boolean measures = steps < FIRST_CHOICE || steps % MEASURE_EVERY == 0;
        return policy.isAutomatic() && measures ? Computation.MEASURED_GRADIENT : Computation.GRADIENT;
    }

    private ProgramOptions options(Computation computation, Computation... more) {
        return weights.give(ProgramOptions.of(options.batch(), computation, more))
                .training(true)
                .seed(RandomStream.key(options.seed(), PURPOSE));
    }

    private void compile() {
        closeProgram();
        program = Program.compile(
                graph,
                device,
                stream,
                options(Computation.GRADIENT, computations())
                        .store(policy.store())
                        .arena(ParameterRole.GRADIENT, gradients));
        batches.bind(program);
        lossTensor = program.tensor(Role.LOSS);
        program.setRandom(RandomStream.key(options.seed(), PURPOSE), steps);
        advance = Random.advance(program.tensor(Role.RANDOM)).prepare(device);
    }

    /**
     * One step, waited for.
     *
     * @return the batch's loss before the step, the mean over its {@link #countedTargets}; NaN where there are none
     * @throws ArithmeticException naming the step if the loss is NaN or infinite
     */
    public float step() {
        if (ring.pending() > 0) {
            throw new IllegalStateException(
                    "training: " + ring.pending() + " steps are under way; call losses() first");
        }
        launch();
        counted = batches.counted();
        float loss = downloadLoss();
        requireFinite(loss, steps);
        chooseBits();
        return counted == 0 ? Float.NaN : loss;
    }

    /**
     * One step, not waited for: the host goes on to the next batch while the device computes. After {@link #room} of them, or whenever numbers
     * are wanted, {@link #losses} has to be called.
     */
    public void enqueue() {
        launch();
        ring.push(lossTensor, batches.counted());
        chooseBits();
    }

    private void launch() {
        batches.load(seen);
        optimiser.settings(steps + 1);
        program.run(computation());
        optimiser.enqueue();
        advance.enqueue(stream);
        steps++;
        seen += batches.size();
    }

    private void chooseBits() {
        if (policy.isAutomatic() && (steps == FIRST_CHOICE || steps % CHOOSE_EVERY == 0) && policy.resolve(program)) {
            compile();
        }
    }

    private void requireFinite(float loss, long step) {
        if (!Float.isFinite(loss)) {
            throw new ArithmeticException("training: the loss is " + loss + " at step " + step + whereNotFinite()
                    + "; lower the learning rate (" + optimiser.rate() + ") or clip the gradient");
        }
    }

    /** How many steps may be enqueued before {@link #losses} has to be called. */
    public int room() {
        return LossRing.LENGTH - ring.pending();
    }

    /**
     * The losses of the steps since the last call.
     *
     * @param sum of the losses before each step, each times its targets that count
     * @param counted targets that count, of all of them
     */
    public record Losses(double sum, long counted) {}

    /**
     * Waits for the steps that were enqueued.
     *
     * @throws ArithmeticException naming the first step whose loss is NaN or infinite, and the layer where values stopped being finite
     */
    public Losses losses() {
        long first = steps - ring.pending();
        int count = ring.read();
        double sum = 0;
        long all = 0;
        for (int i = 0; i < count; i++) {
            float loss = ring.loss(i);
            requireFinite(loss, first + i + 1);
            counted = ring.counted(i);
            if (counted > 0) {
                sum += (double) loss * counted;
                all += counted;
            }
        }
        return new Losses(sum, all);
    }

    /** One forward pass more, with an observer: the first layer whose output is not finite. */
    private String whereNotFinite() {
        NonfiniteObserver observer = new NonfiniteObserver();
        try (Program observed = Program.compile(
                graph, device, stream, options(Computation.EVALUATE).observer(observer))) {
            batches.upload(observed);
            observed.run(Computation.EVALUATE);
            return observer.first(observed)
                    .map(found -> ", and now the output of " + found.layer() + " is not finite")
                    .orElse("");
        } catch (OutOfDeviceMemoryException e) {
            // the step is named all the same
            return "";
        }
    }

    /**
     * The loss that the next step would begin with: whether training could go on from here. Nothing is learnt or measured.
     */
    public float nextLoss() {
        batches.load(seen);
        program.run(Computation.GRADIENT);
        return downloadLoss();
    }

    private float downloadLoss() {
        stream.download(lossHost.clear(), lossTensor.buffer(), 0);
        return lossHost.getFloat(0);
    }

    /** Targets of the last step's batch that its loss is the mean of: what the loss weighs in a mean over steps. */
    public long countedTargets() {
        return counted;
    }

    /** Another learning rate from the next step on: schedules are the caller's. */
    public void learningRate(double rate) {
        optimiser.rate(rate, steps + 1);
    }

    /** Steps done, those before a resumed checkpoint included. */
    public long steps() {
        return steps;
    }

    /** Examples that those steps saw, each as often as it was seen. */
    public long seen() {
        return seen;
    }

    public TrainingOptions options() {
        return options;
    }

    /** Current weights on the device, by name; training goes on changing them. */
    public Map<String, Tensor> parameters() {
        return weights.parts();
    }

    /** Copies of the current weights. */
    public List<HostTensor> weights() {
        return Weights.download(stream, weights.parts(), "");
    }

    /** Batches that evaluate the current weights on a data set, dropout off: see {@link dev.sagitta.program.Evaluation#of}. Close them before the trainer. */
    public Batches evaluator(DataSet on, int batch) {
        on.requireFits(graph);
        return new Batches(
                graph, device, weights.give(ProgramOptions.of(batch, Computation.EVALUATE)), DataRows.of(on));
    }

    /** Of the program of one step: arena, saved activations by tensor. */
    public ProgramMemory programMemory() {
        return program.memory();
    }

    /** Bytes at the peak of a step, by category. */
    public Map<MemoryCategory, Long> memory() {
        Map<MemoryCategory, Long> bytes = new EnumMap<>(MemoryCategory.class);
        bytes.putAll(program.memory().peak());
        bytes.merge(MemoryCategory.WEIGHTS, weights.bytes(), Long::sum);
        bytes.merge(MemoryCategory.DATA, batches.bytes(), Long::sum);
        bytes.merge(MemoryCategory.GRADIENTS, gradients.bytes(), Long::sum);
        bytes.merge(MemoryCategory.OPTIMIZER, optimiser.bytes(), Long::sum);
        return bytes;
    }

    public TrainingState state() {
        return new TrainingState(steps, seen, data.size(), options, policy.bits(program), policy.measured(program));
    }

    /** A copy of weights and optimiser state as they are. */
    public TrainingSnapshot snapshot() {
        List<HostTensor> tensors = new ArrayList<>(weights());
        tensors.addAll(optimiser.download());
        return new TrainingSnapshot(state(), data.heldOut(), data.normalisation(), tensors);
    }

    /** Writes a checkpoint that {@link #resume} takes, whole or not at all. */
    public void save(Path path, ModelSpec model) {
        snapshot().write(path, model);
    }

    private <T extends AutoCloseable> T own(T resource) {
        owned.add(resource);
        return resource;
    }

    private void closeProgram() {
        if (advance != null) {
            advance.close();
            advance = null;
        }
        if (program != null) {
            program.close();
            program = null;
        }
    }

    @Override
    public void close() {
        closeProgram();
        for (int i = owned.size() - 1; i >= 0; i--) {
            close(owned.get(i));
        }
        owned.clear();
    }

    private static void close(AutoCloseable resource) {
        try {
            resource.close();
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException("cannot close " + resource, e);
        }
    }
}
