package dev.sagitta.curvature;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Parameter;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.random.Random;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.random.RandomStream;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Fills an operator's vectors with probes, one launch for all parameters and all K of them; the gaps between parameters stay as they are.
 *
 * <p>Probe j of a seed is one vector: its component i in a parameter is number i of step j under the key (seed, purpose/parameter). So it does
 * not depend on K, on the batch or on the device (but for the rounding of normal numbers). An operator over some of the parameters sees their
 * part of the same vector. Operators over parts of the rows, on one machine or on several, see the same vector each: their products, weighed
 * by the rows, add up to the product of the whole.
 */
public final class Probes implements AutoCloseable {
    private final CurvatureOperator operator;
    private final List<Buffer> memory = new ArrayList<>();
    private final Buffer whichBuffer;
    private final ByteBuffer which = ByteBuffer.allocateDirect(3 * Long.BYTES).order(ByteOrder.nativeOrder());
    private final Step fill;

    /** What probes are for: two uses of one seed have nothing in common. */
    public enum Purpose {
        JOINT("probe"),
        SEPARATE("separate-probe"),
        LANCZOS("lanczos");

        private final String path;

        Purpose(String path) {
            this.path = path;
        }

        long key(long seed, Parameter parameter) {
            return RandomStream.key(seed, path + "/" + parameter.name());
        }
    }

    /** @param kind {@link Random.Kind#RADEMACHER} or {@link Random.Kind#NORMAL} */
    public Probes(CurvatureOperator operator, Random.Kind kind, Purpose purpose, long seed) {
        this.operator = operator;
        Device device = operator.device();
        ParameterLayout layout = operator.layout();
        List<Parameter> parameters = layout.parameters();
        int count = parameters.size();
        long[] keys = new long[count];
        long[] offsets = new long[count];
        long[] elements = new long[count];
        for (int l = 0; l < count; l++) {
            Parameter parameter = parameters.get(l);
            keys[l] = purpose.key(seed, parameter);
            offsets[l] = layout.offset(parameter);
            elements[l] = parameter.elements();
        }
        long[] table = Random.segments(keys, offsets, elements);
        try {
            Buffer segmentsBuffer = allocate(device, (long) table.length * Long.BYTES, "probe segments");
            whichBuffer = allocate(device, which.capacity(), "probe numbers");
            Tensor segments = new Tensor("probe segments", segmentsBuffer, DType.I64, Shape.of(table.length));
            segments.upload(operator.stream(), table);
            fill = Random.probeVectors(
                            kind,
                            new Tensor("probe numbers", whichBuffer, DType.I64, Shape.of(3)),
                            segments,
                            Random.chunks(elements),
                            operator.probes(),
                            operator.vectors())
                    .prepare(device);
        } catch (RuntimeException | Error e) {
            memory.forEach(Buffer::close);
            throw e;
        }
    }

    private Buffer allocate(Device device, long bytes, String name) {
        Buffer buffer = device.allocate(bytes, MemoryCategory.WORKSPACE, name);
        memory.add(buffer);
        return buffer;
    }

    /** Enqueues probes first .. first + K - 1. */
    public void draw(long first) {
        draw(first, 0, operator.layout().parameters().size());
    }

    /** The same in parameter l, zeros in the others. */
    public void draw(long first, int l) {
        draw(first, l, l + 1);
    }

    private void draw(long first, int from, int to) {
        which.clear();
        which.putLong(first).putLong(from).putLong(to).flip();
        operator.stream().upload(whichBuffer, 0, which);
        fill.enqueue(operator.stream());
    }

    @Override
    public void close() {
        fill.close();
        memory.forEach(Buffer::close);
    }
}
