package dev.sagitta.program;

import dev.sagitta.device.Device;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

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
    private int loaded = -1;

    /** @param options batch size at most; a smaller data set is one batch */
    public Batches(Graph graph, Device device, ProgramOptions options, Rows rows) {
        if (rows.size() < 1) {
            throw new IllegalArgumentException("batches: the data set has no rows");
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
        this.weights = new long[count];
        for (int i = 0; i < count; i++) {
            weights[i] = rows.weight(i * batch, rows(i));
        }
        this.totalWeight = Arrays.stream(weights).sum();
        this.inputs = host(full.tensor("input"));
        this.targets = host(full.tensor("target"));
    }

    private ProgramOptions sharing(ProgramOptions options) {
        ProgramOptions shared = options;
        for (Parameter parameter : full.layout().parameters()) {
            for (ParameterRole role : ParameterRole.values()) {
                String name = role.of(parameter.name());
                if (full.hasTensor(name)) {
                    shared = shared.bind(name, full.tensor(name));
                }
            }
        }
        return full.hasTensor("random") ? shared.bind("random", full.tensor("random")) : shared;
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

    private int rows(int i) {
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
     * Runs a computation on all batches and takes the mean of what it leaves in a tensor, as if all rows were one batch.
     *
     * @param tensor f32, itself a mean over the counted rows of a batch
     * @return as many numbers as the tensor has elements
     * @throws RuntimeException if no label counts at all
     */
    public double[] mean(Computation computation, String tensor) {
        double[] mean = null;
        for (int i = 0; i < count; i++) {
            double share = share(i);
            if (share > 0) {
                run(i, computation);
                float[] part = program(i).tensor(tensor).downloadFloats(full.stream());
                mean = mean == null ? new double[part.length] : mean;
                for (int k = 0; k < part.length; k++) {
                    mean[k] += share * part[k];
                }
            }
        }
        return mean;
    }

    /** Loads batch i and enqueues the computation. */
    public void run(int i, Computation computation) {
        Program program = program(i);
        // a data set of one batch is uploaded once
        if (count > 1 || loaded != i) {
            inputs.clear();
            targets.clear();
            rows.copy(i * batch, rows(i), inputs, targets);
            upload(program.tensor("input"), inputs);
            if (program.hasTensor("target")) {
                upload(program.tensor("target"), targets);
            }
            loaded = i;
        }
        program.run(computation);
    }

    private void upload(Tensor tensor, ByteBuffer host) {
        // whether or not the rows moved the buffer's position
        tensor.upload(full.stream(), host.clear().limit((int) tensor.bytes()));
    }

    @Override
    public void close() {
        if (last != full) {
            last.close();
        }
        full.close();
    }
}
