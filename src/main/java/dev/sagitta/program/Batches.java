package dev.sagitta.program;

import dev.sagitta.device.Device;
import dev.sagitta.device.OutOfDeviceMemoryException;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.tensor.Gather;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * A data set cut into batches of a program's size; the rows left over have a second program that shares parameters, gradients, probe
 * vectors and products with the first.
 */
public final class Batches implements AutoCloseable {
    private final Rows rows;
    private final Program full;
    private final Program last;
    private final int batch;
    private final int count;
    private final long[] weights;
    private final long totalWeight;
    private final ByteBuffer inputs;
    private final ByteBuffer targets;
    private final List<Further> further;
    private final ResidentBatches resident;
    /** The batch whose rows lie in the memory of its program. */
    private int loaded = -1;

    private Gather gathered;

    /**
     * An input beside the main one.
     *
     * @param elements of one row
     */
    private record Further(String name, int elements, ByteBuffer host) {}

    /** Batches stay on the device if they take at most so many bytes. */
    private static final long RESIDENT_BYTES = 256L << 20;

    /** @param options batch size at most; a smaller data set is one batch */
    public Batches(Graph graph, Device device, ProgramOptions options, Rows rows) {
        this(graph, device, options, rows, residentBytes(device));
    }

    /** What examples may take of a device's memory, so that they cross to it once. */
    public static long residentBytes(Device device) {
        return Math.min(RESIDENT_BYTES, device.info().memoryBytes() / 16);
    }

    /** @param residentBytes of inputs and targets that may stay on the device: 0 for one batch at a time */
    public Batches(Graph graph, Device device, ProgramOptions options, Rows rows, long residentBytes) {
        if (rows.size() < 1) {
            throw new IllegalArgumentException("batches: the data set has no rows");
        }
        List<String> others = graph.inputs().stream()
                .skip(1)
                .map(Node::name)
                .filter(name -> !rows.hasFurther(name))
                .toList();
        if (!others.isEmpty()) {
            throw new IllegalArgumentException("batches: the network has inputs " + others
                    + ", of which these rows have no values; compile a Program and fill its inputs by name");
        }
        this.rows = rows;
        this.batch = Math.min(options.batch(), rows.size());
        this.count = (rows.size() + batch - 1) / batch;
        int rest = rows.size() % batch;
        this.full = Program.compile(graph, device, options.batch(batch));
        try {
            this.last = rest == 0 ? full : Program.compile(graph, device, sharing(options.batch(rest)));
        } catch (RuntimeException | Error e) {
            full.close();
            throw e;
        }
        this.resident = resident(residentBytes);
        this.weights = new long[count];
        for (int i = 0; i < count; i++) {
            weights[i] = rows.weight(i * batch, rows(i));
        }
        this.totalWeight = Arrays.stream(weights).sum();
        this.inputs = host(full.tensor(Role.INPUT));
        this.targets = host(full.tensor(Role.TARGET));
        this.further = graph.inputs().stream()
                .skip(1)
                .map(node -> new Further(
                        node.name(), Math.toIntExact(node.shape().elements()), host(full.input(node.name()))))
                .toList();
    }

    /** Null where they do not fit: then each is uploaded when its turn comes. */
    private ResidentBatches resident(long budget) {
        try {
            return ResidentBatches.of(full, count, budget);
        } catch (OutOfDeviceMemoryException e) {
            return null;
        }
    }

    /** The second program has the memory of the first for all that does not depend on the number of rows. */
    private ProgramOptions sharing(ProgramOptions options) {
        ProgramOptions shared = options;
        for (ParameterRole role : ParameterRole.values()) {
            if (full.arena(role) != null) {
                shared = shared.arena(role, full.arena(role));
            }
        }
        for (Parameter parameter : ParameterLayout.untrained(full.graph()).parameters()) {
            String name = parameter.name();
            shared = shared.bind(ParameterRole.WEIGHT, name, full.tensor(ParameterRole.WEIGHT, name));
        }
        return full.has(Role.RANDOM) ? shared.bind(Role.RANDOM, full.tensor(Role.RANDOM)) : shared;
    }

    private static ByteBuffer host(Tensor tensor) {
        return ByteBuffer.allocateDirect(Math.toIntExact(tensor.bytes())).order(ByteOrder.nativeOrder());
    }

    /** The program of full batches, which owns what both share. */
    public Program program() {
        return full;
    }

    /** The program that batch i runs on. */
    public Program program(int i) {
        return rows(i) == batch ? full : last;
    }

    public int count() {
        return count;
    }

    public int totalRows() {
        return rows.size();
    }

    /** Of batch i. */
    int rows(int i) {
        return Math.min(batch, rows.size() - i * batch);
    }

    /**
     * How much batch i counts in the mean loss over all rows; 0 for a batch of left out labels, whose own mean is undefined. Means over all
     * rows are {@link #mean} and {@link BatchMean}: nothing else weighs batches.
     *
     * @throws RuntimeException if no label counts at all
     */
    double share(int i) {
        if (totalWeight == 0) {
            rows.requireCounted();
        }
        return (double) weights[i] / totalWeight;
    }

    /**
     * Runs a computation on all batches and takes the mean of what it leaves, as if all rows were one batch.
     *
     * @param role f32, itself a mean over the counted rows of a batch
     * @return as many numbers as that has elements
     * @throws RuntimeException if no label counts at all
     */
    public double[] mean(Computation computation, Role role) {
        double[] mean = null;
        float[][] parts = each(computation, of -> List.of(of.tensor(role)), true);
        for (int i = 0; i < count; i++) {
            if (parts[i] != null) {
                mean = mean == null ? new double[parts[i].length] : mean;
                for (int k = 0; k < mean.length; k++) {
                    mean[k] += share(i) * parts[i][k];
                }
            }
        }
        return mean;
    }

    /** What a computation leaves for each batch. They are gathered on the device, so that the host waits once, for the last. */
    float[][] each(Computation computation, Role role) {
        return each(computation, of -> List.of(of.tensor(role)), false);
    }

    /**
     * The same of several f32 results, one after another.
     *
     * @param results of a program, as many elements of each of the two
     */
    float[][] each(Computation computation, Function<Program, List<Tensor>> results) {
        return each(computation, results, false);
    }

    private float[][] each(Computation computation, Function<Program, List<Tensor>> results, boolean countedOnly) {
        long bytes = results.apply(full).stream().mapToLong(Tensor::bytes).sum();
        if (gathered == null || gathered.capacity() < count * bytes) {
            if (gathered != null) {
                gathered.close();
            }
            gathered = new Gather(full.stream(), count * bytes);
        }
        for (int i = 0; i < count; i++) {
            if (!countedOnly || share(i) > 0) {
                run(i, computation);
                results.apply(program(i)).forEach(gathered::add);
            }
        }
        FloatBuffer host = gathered.read().asFloatBuffer();
        float[][] parts = new float[count][];
        for (int i = 0; i < count; i++) {
            if (!countedOnly || share(i) > 0) {
                parts[i] = new float[Math.toIntExact(bytes / Float.BYTES)];
                host.get(parts[i]);
            }
        }
        return parts;
    }

    /** Loads batch i and enqueues the computation. */
    public void run(int i, Computation computation) {
        Program program = program(i);
        // a data set of one batch is uploaded once
        if (loaded != i && !(resident != null && resident.load(i, program))) {
            inputs.clear();
            targets.clear();
            rows.copy(i * batch, rows(i), inputs, targets);
            upload(program.tensor(Role.INPUT), inputs);
            if (program.has(Role.TARGET)) {
                upload(program.tensor(Role.TARGET), targets);
            }
            for (Further input : further) {
                rows.copyFurther(input.name, input.elements, i * batch, rows(i), input.host.clear());
                upload(program.input(input.name), input.host);
            }
            if (resident != null) {
                resident.keep(i, program);
            }
        }
        loaded = i;
        program.run(computation);
    }

    private void upload(Tensor tensor, ByteBuffer host) {
        // whether or not the rows moved the buffer's position
        tensor.upload(full.stream(), host.clear().limit((int) tensor.bytes()));
    }

    @Override
    public void close() {
        if (gathered != null) {
            gathered.close();
        }
        if (resident != null) {
            resident.close();
        }
        if (last != full) {
            last.close();
        }
        full.close();
    }
}
