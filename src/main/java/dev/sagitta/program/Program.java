package dev.sagitta.program;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.graph.rewrite.Rewrites;
import dev.sagitta.graph.rewrite.Target;
import dev.sagitta.kernel.Step;
import dev.sagitta.program.compile.Constants;
import dev.sagitta.program.compile.MemoryPlan;
import dev.sagitta.program.compile.NetworkCompiler;
import dev.sagitta.program.compile.ProgramValues;
import dev.sagitta.program.compile.Schedule;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A graph compiled for one device, batch size, number of probes and store of saved activations. Fill the inputs, {@link #run} a
 * computation, read the results; a warm run allocates nothing on the device or the Java heap. On CUDA a computation is captured at its
 * second run and replayed from then on.
 */
public final class Program implements AutoCloseable {
    private final Device device;
    private final Stream stream;
    private final Graph graph;
    private final ProgramOptions options;
    private final ParameterLayout layout;
    private final List<Buffer> owned = new ArrayList<>();
    private final ProgramTensors persistent;
    private final Map<Computation, Runner> runners = new EnumMap<>(Computation.class);
    private final Map<Computation, List<SavedStore.SavedTensor>> saved = new EnumMap<>(Computation.class);
    private final Map<Computation, Supplier<Explanation>> explanations = new EnumMap<>(Computation.class);
    private ProgramMemory memory;

    private Program(Graph graph, Device device, Stream stream, ProgramOptions options) {
        this.graph = graph;
        this.device = device;
        this.stream = stream;
        this.options = options;
        this.layout = ParameterLayout.of(graph);
        this.persistent = new ProgramTensors(device, stream, layout, options);
    }

    public static Program compile(Graph graph, Device device, ProgramOptions options) {
        return compile(graph, device, device.stream(), options);
    }

    /** Compiles for a stream of the caller's. */
    public static Program compile(Graph graph, Device device, Stream stream, ProgramOptions options) {
        Program program = new Program(graph, device, stream, options);
        try {
            program.build();
            return program;
        } catch (RuntimeException | Error e) {
            program.close();
            throw e;
        }
    }

    private void build() {
        ProgramValues values = new ProgramValues(graph, options);
        Constants constants = new Constants();
        Map<Computation, Schedule> schedules = new EnumMap<>(Computation.class);
        Map<Computation, MemoryPlan> plans = new EnumMap<>(Computation.class);
        Map<Computation, Long> masks = new EnumMap<>(Computation.class);
        // parameters exist whatever is computed, in the order of the layout
        graph.everyParameter().forEach(values::parameter);
        for (Computation computation : options.computations()) {
            Schedule schedule = new Schedule(device, values, constants);
            // an observer is shown every wire of the network
            Rewrites rewrites = options.observer() == Observer.NONE ? options.rewrites() : Rewrites.NONE;
            boolean keeps = computation.keepsActivations() || computation.usesProbes();
            Rewrites.Rewritten rewritten =
                    rewrites.apply(graph, new Target(device.kind(), keeps, options.usesBatchStatistics()));
            NetworkCompiler compiler = new NetworkCompiler(rewritten, options, values, computation, schedule);
            compiler.compile();
            schedules.put(computation, schedule);
            plans.put(computation, new MemoryPlan(schedule));
            masks.put(computation, compiler.maskBytes());
            saved.put(computation, compiler.saved());
            explanations.put(
                    computation,
                    () -> new Explanation(
                            compiler.outcomes(), compiler.plan(), compiler.saved(), schedule, plans.get(computation)));
        }
        persistent.bind(values);
        initialiseRandom();
        constants.upload(stream, this::tensor);
        long arenaBytes = Device.allocationBytes(
                plans.values().stream().mapToLong(MemoryPlan::arenaBytes).max().orElse(0));
        Buffer arena = own(device.allocate(arenaBytes, MemoryCategory.WORKSPACE, "arena"));
        memory = measure(arenaBytes, plans, masks);
        schedules.forEach((computation, schedule) ->
                runners.put(computation, new Runner(stream, bind(schedule, plans.get(computation), arena))));
    }

    // ---- binding values to memory ----

    private void initialiseRandom() {
        if (has(Role.RANDOM)) {
            setRandom(options.seed(), 0);
        }
    }

    private List<Step> bind(Schedule schedule, MemoryPlan plan, Buffer arena) {
        Map<Value, Buffer> slices = new IdentityHashMap<>();
        for (Value root : plan.values()) {
            slices.put(root, own(arena.slice(plan.offset(root), root.bytes(), root.name())));
        }
        List<Step> steps = new ArrayList<>();
        for (Schedule.Task task : schedule.tasks()) {
            Emitter.Binder binder = value -> value == null ? null : tensor(task, value, slices);
            try {
                steps.add(task.work().apply(binder).prepare(device));
            } catch (RuntimeException e) {
                steps.forEach(Step::close);
                throw in(task, e);
            }
        }
        return steps;
    }

    private static RuntimeException in(Schedule.Task task, RuntimeException e) {
        if (e instanceof DeviceException failure) {
            return failure.in(task.toString());
        }
        String message = task + ": " + e.getMessage();
        return e instanceof IllegalArgumentException
                ? new IllegalArgumentException(message, e)
                : new IllegalStateException(message, e);
    }

    private Tensor tensor(Schedule.Task task, Value value, Map<Value, Buffer> slices) {
        if (!task.uses(value)) {
            throw new IllegalStateException("binds " + value + ", which it declares neither as read nor as written");
        }
        if (value.isPersistent()) {
            Tensor tensor = persistent.all().get(value.name());
            return tensor.shape().equals(value.shape()) ? tensor : tensor.reshape(value.shape());
        }
        return new Tensor(value.name(), slices.get(value.root()), value.dtype(), value.shape());
    }

    private ProgramMemory measure(
            long arenaBytes, Map<Computation, MemoryPlan> plans, Map<Computation, Long> masksOfPlans) {
        Map<MemoryCategory, Long> peak = new EnumMap<>(MemoryCategory.class);
        List<ProgramMemory.SavedBytes> saved = List.of();
        long masks = 0;
        for (Map.Entry<Computation, MemoryPlan> entry : plans.entrySet()) {
            MemoryPlan plan = entry.getValue();
            Map<MemoryCategory, Long> own = plan.peakByCategory();
            if (own.getOrDefault(MemoryCategory.SAVED_ACTIVATIONS, 0L)
                    > peak.getOrDefault(MemoryCategory.SAVED_ACTIVATIONS, 0L)) {
                saved = plan.ofCategory(MemoryCategory.SAVED_ACTIVATIONS).stream()
                        .map(value -> new ProgramMemory.SavedBytes(value.name(), value.bytes()))
                        .toList();
                masks = masksOfPlans.get(entry.getKey());
            }
            own.forEach((category, bytes) -> peak.merge(category, bytes, Math::max));
        }
        persistent.bytes().forEach((category, bytes) -> peak.merge(category, bytes, Long::sum));
        return new ProgramMemory(arenaBytes, persistent.bytes(), peak, saved, masks);
    }

    private Buffer own(Buffer buffer) {
        owned.add(buffer);
        return buffer;
    }

    // ---- running ----

    /** Enqueues a computation; its results are there after {@link Stream#synchronize} or a download. */
    public void run(Computation computation) {
        requireCompiled(computation);
        runners.get(computation).run();
    }

    private void requireCompiled(Computation computation) {
        if (!runners.containsKey(computation)) {
            throw new IllegalArgumentException("program was not compiled for " + computation + ", only for "
                    + runners.keySet() + "; add it to the options");
        }
    }

    // ---- what a caller sees ----

    public Device device() {
        return device;
    }

    public Stream stream() {
        return stream;
    }

    public Graph graph() {
        return graph;
    }

    public ProgramOptions options() {
        return options;
    }

    public ParameterLayout layout() {
        return layout;
    }

    public ProgramMemory memory() {
        return memory;
    }

    /** How a computation was compiled. */
    public Explanation explain(Computation computation) {
        requireCompiled(computation);
        return explanations.get(computation).get();
    }

    /** What the store of saved activations has a say in, of the gradient, in the order of the network. */
    public List<SavedStore.SavedTensor> saved() {
        return saved.getOrDefault(Computation.GRADIENT, saved.getOrDefault(Computation.MEASURED_GRADIENT, List.of()));
    }

    /** @throws IllegalArgumentException if no computation of the program has it */
    public Tensor tensor(Role role) {
        return tensor(role.tensor());
    }

    public boolean has(Role role) {
        return persistent.all().containsKey(role.tensor());
    }

    /** @throws IllegalArgumentException if no computation of the program has it */
    public Tensor tensor(ParameterRole role, String parameter) {
        return tensor(role.of(parameter));
    }

    /** An input of the network by its name, [B, ...]; the one that data sets fill is {@link Role#INPUT} as well. */
    public Tensor input(String name) {
        List<String> names = graph.inputs().stream().map(Node::name).toList();
        if (!names.contains(name)) {
            throw new IllegalArgumentException("the network has no input '" + name + "'; its inputs: " + names);
        }
        return tensor(name);
    }

    /**
     * Uploads every parameter.
     *
     * @param source fp32 numbers in native byte order of a parameter
     */
    public void load(Function<Parameter, ByteBuffer> source) {
        for (Parameter parameter : graph.everyParameter()) {
            tensor(parameter.name()).upload(stream, source.apply(parameter));
        }
    }

    /** All parameters in a role as one vector. */
    public Tensor flat(ParameterRole role) {
        return tensor(role.arena());
    }

    /** The memory of all parameters in a role, the program's own or what it was given; null if there is none. */
    ParameterArena arena(ParameterRole role) {
        return persistent.arena(role);
    }

    /**
     * For diagnostics and ops with memory of their own; roles are {@link #tensor(Role)}. A persistent tensor by name: {@code input}, {@code target}, {@code output}, {@code loss}, {@code metrics}, {@code quadratic},
     * {@code random}, a parameter, or a parameter with {@code .gradient}, {@code .vector} or {@code .product}; {@code parameters} and
     * {@code parameters.gradient} and so on for the flat arenas.
     */
    public Tensor tensor(String name) {
        Tensor tensor = persistent.all().get(name);
        if (tensor == null) {
            throw new IllegalArgumentException("program has no tensor '" + name + "'; known: "
                    + persistent.all().keySet());
        }
        return tensor;
    }

    public boolean hasTensor(String name) {
        return persistent.all().containsKey(name);
    }

    /** Sets the random counters: the same seed and step give the same dropout masks and rounding noise. */
    public void setRandom(long seed, long step) {
        tensor(Role.RANDOM)
                .upload(stream, new int[] {(int) seed, (int) (seed >>> 32), (int) step, (int) (step >>> 32)});
    }

    /** The loss of the last gradient or product. Waits for the stream. */
    public float loss() {
        return tensor(Role.LOSS).downloadFloats(stream)[0];
    }

    @Override
    public void close() {
        runners.values().forEach(Runner::close);
        runners.clear();
        // slices before what they are slices of
        for (int i = owned.size() - 1; i >= 0; i--) {
            owned.get(i).close();
        }
        owned.clear();
        persistent.close();
    }
}
