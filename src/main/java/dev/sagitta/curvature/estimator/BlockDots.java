package dev.sagitta.curvature.estimator;

import dev.sagitta.curvature.CurvatureOperator;
import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Parameter;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.reduce.Dots;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** {@code v_l[k] . (Av)_l[k]} of an operator's vectors and products for all parameters l and probes k, in one pass. */
final class BlockDots implements AutoCloseable {
    private final CurvatureOperator operator;
    private final List<Buffer> memory = new ArrayList<>();
    private final Buffer outBuffer;
    private final ByteBuffer host;
    private final float[] dots;
    private final Step step;

    BlockDots(CurvatureOperator operator) {
        this.operator = operator;
        Device device = operator.device();
        ParameterLayout layout = operator.layout();
        int blocks = layout.parameters().size();
        int probes = operator.probes();
        long length = operator.vectors().elements();
        dots = new float[Math.multiplyExact(blocks, probes)];
        host = ByteBuffer.allocateDirect(Math.multiplyExact(dots.length, Float.BYTES))
                .order(ByteOrder.nativeOrder());
        long[] segments = new long[dots.length + 1];
        for (int l = 0; l < blocks; l++) {
            Parameter parameter = layout.parameters().get(l);
            for (int k = 0; k < probes; k++) {
                segments[l * probes + k] = probes * layout.offset(parameter) + k * parameter.elements();
            }
        }
        segments[dots.length] = length;
        Shape partials = Dots.partials(device, length, 1, dots.length);
        try {
            Buffer segmentsBuffer = allocate(device, segments.length * 8L, "block segments");
            outBuffer = allocate(device, host.capacity(), "block dots");
            Buffer workspaceBuffer = allocate(device, partials.elements() * Float.BYTES, "block dots workspace");
            Tensor offsets = new Tensor("block segments", segmentsBuffer, DType.I64, Shape.of(segments.length));
            offsets.upload(operator.stream(), segments);
            step = new Dots(
                            operator.vectors().reshape(Shape.of(1, length)),
                            operator.products().reshape(Shape.of(1, length)),
                            offsets,
                            new Tensor("block dots", outBuffer, DType.F32, Shape.of(1, dots.length)),
                            new Tensor("partials", workspaceBuffer, DType.F32, partials))
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

    /** Computes, and waits for, the dots of the present vectors and products. */
    void read() {
        step.enqueue(operator.stream());
        operator.stream().download(host.clear(), outBuffer, 0);
        host.clear();
        host.asFloatBuffer().get(dots);
    }

    /** Of the last {@link #read}. */
    float of(int block, int probe) {
        return dots[block * operator.probes() + probe];
    }

    @Override
    public void close() {
        step.close();
        memory.forEach(Buffer::close);
    }
}
