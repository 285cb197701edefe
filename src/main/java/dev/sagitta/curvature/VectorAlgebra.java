package dev.sagitta.curvature;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Arithmetic;
import dev.sagitta.kernel.Dots;
import dev.sagitta.kernel.Gemm;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.Step;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;

/** Algebra on device vectors of one length for estimators whose scalars live on the host: each call waits for its result. */
final class VectorAlgebra implements AutoCloseable {
    private final Device device;
    private final Stream stream;
    private final long length;
    private final Buffer scratch;
    private final Tensor segments;
    private final Tensor dot;
    private final Tensor workspace;

    VectorAlgebra(Device device, Stream stream, long length) {
        this.device = device;
        this.stream = stream;
        this.length = length;
        Shape partials = Dots.partials(device, length, 1, 1);
        long aligned = (partials.elements() * Float.BYTES + Device.ALIGNMENT - 1) / Device.ALIGNMENT * Device.ALIGNMENT;
        this.scratch = device.allocate(aligned + 2 * Device.ALIGNMENT, MemoryCategory.WORKSPACE, "vector algebra");
        this.workspace = new Tensor("partials", scratch.slice(0, aligned, "partials"), DType.F32, partials);
        this.segments = new Tensor("segments", scratch.slice(aligned, 16, "segments"), DType.I64, Shape.of(2));
        this.dot = new Tensor(
                "dot", scratch.slice(aligned + Device.ALIGNMENT, Float.BYTES, "dot"), DType.F32, Shape.of(1, 1));
        segments.upload(stream, new long[] {0, length});
    }

    double dot(Tensor a, Tensor b) {
        run(new Dots(a.reshape(Shape.of(1, length)), b.reshape(Shape.of(1, length)), segments, dot, workspace));
        return dot.downloadFloats(stream)[0];
    }

    double norm(Tensor a) {
        return Math.sqrt(dot(a, a));
    }

    /** y = alpha x. */
    void scale(double alpha, Tensor x, Tensor y) {
        run(Arithmetic.scale((float) alpha, x, y));
    }

    /** c = Q w for the m rows of Q [m, length]. */
    void project(Tensor q, Tensor w, Tensor c) {
        long m = q.shape().extent(0);
        run(Gemm.of(w.reshape(Shape.of(1, length)), false, q, true, c.reshape(Shape.of(1, m))));
    }

    /** w -= Q' c. */
    void subtract(Tensor q, Tensor c, Tensor w) {
        long m = q.shape().extent(0);
        run(Gemm.of(c.reshape(Shape.of(1, m)), false, q, false, w.reshape(Shape.of(1, length)))
                .scaled(-1)
                .accumulate(true));
    }

    private void run(Preparable work) {
        try (Step step = work.prepare(device)) {
            step.enqueue(stream);
            stream.synchronize();
        }
    }

    @Override
    public void close() {
        workspace.buffer().close();
        segments.buffer().close();
        dot.buffer().close();
        scratch.close();
    }
}
