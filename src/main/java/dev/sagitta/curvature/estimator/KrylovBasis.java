package dev.sagitta.curvature.estimator;

import dev.sagitta.curvature.CurvatureOperator;
import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.gemm.Gemm;
import dev.sagitta.kernel.reduce.Dots;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Orthonormal vectors on the device beside an operator's own two, v = its vectors and w = its products (K = 1). All work is prepared once;
 * rows beyond the last vector hold zeros, so that a product with a few rows too many changes nothing.
 */
final class KrylovBasis implements AutoCloseable {
    private static final int LEAST_ROWS = 16;
    private static final int SIZES = 8;

    private final CurvatureOperator operator;
    private final Stream stream;
    private final long bytes;
    private final int rows;
    private final int rowsPerSize;
    private final List<Buffer> memory = new ArrayList<>();
    private final List<Step> steps = new ArrayList<>();
    private final Buffer basis;
    private final Buffer coefficients;
    private final Buffer dots;
    private final Buffer factor;
    private final Step alpha;
    private final Step squaredNorm;
    private final Step normalise;
    private final List<Step> project = new ArrayList<>();
    private final List<Step> subtract = new ArrayList<>();
    private final List<Step> combine = new ArrayList<>();
    private final ByteBuffer hostCoefficients;
    private final ByteBuffer hostDots = host(Device.ALIGNMENT / Float.BYTES + 1);
    private final ByteBuffer hostFactor = host(1);
    private int size;

    /** @param capacity vectors at most, spare room for {@link #replace} included */
    KrylovBasis(CurvatureOperator operator, int capacity) {
        this.operator = operator;
        this.stream = operator.stream();
        Device device = operator.device();
        long length = operator.layout().length();
        this.bytes = length * Float.BYTES;
        this.rowsPerSize = Math.max(LEAST_ROWS, (capacity + SIZES - 1) / SIZES);
        this.rows = (capacity + rowsPerSize - 1) / rowsPerSize * rowsPerSize;
        Shape partials = Dots.partials(device, length, 1, 1);
        try {
            basis = allocate(device, Math.multiplyExact(bytes, rows), "lanczos basis");
            coefficients = allocate(device, (long) rows * Float.BYTES, "lanczos coefficients");
            dots = allocate(device, Device.ALIGNMENT + Float.BYTES, "lanczos dots");
            factor = allocate(device, Float.BYTES, "lanczos factor");
            Buffer ends = allocate(device, 2L * Long.BYTES, "lanczos segment");
            Buffer workspace = allocate(device, partials.elements() * Float.BYTES, "lanczos partials");
            hostCoefficients = host(rows);
            stream.fill(basis, 0, basis.bytes(), (byte) 0);
            Tensor segment = new Tensor("lanczos segment", ends, DType.I64, Shape.of(2));
            segment.upload(stream, new long[] {0, length});

            Tensor v = operator.vectors().reshape(Shape.of(1, length));
            Tensor w = operator.products().reshape(Shape.of(1, length));
            Tensor parts = new Tensor("lanczos partials", workspace, DType.F32, partials);
            alpha = prepared(new Dots(v, w, segment, dot(0), parts).prepare(device));
            squaredNorm = prepared(new Dots(w, w, segment, dot(1), parts).prepare(device));
            Tensor scalar = new Tensor("lanczos factor", factor, DType.F32, Shape.of(1, 1));
            normalise = prepared(Gemm.of(scalar, false, w, false, v).prepare(device));
            for (int m = rowsPerSize; m <= rows; m += rowsPerSize) {
                Tensor q = new Tensor("lanczos basis", basis, DType.F32, Shape.of(m, length));
                Tensor c = new Tensor("lanczos coefficients", coefficients, DType.F32, Shape.of(1, m));
                project.add(prepared(Gemm.of(w, false, q, true, c).prepare(device)));
                Gemm sum = Gemm.of(c, false, q, false, w);
                subtract.add(prepared(sum.scaled(-1).accumulate(true).prepare(device)));
                combine.add(prepared(sum.prepare(device)));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private Buffer allocate(Device device, long size, String name) {
        Buffer buffer = device.allocate(size, MemoryCategory.WORKSPACE, name);
        memory.add(buffer);
        return buffer;
    }

    private Step prepared(Step step) {
        steps.add(step);
        return step;
    }

    private Tensor dot(int i) {
        Buffer slice = dots.slice((long) i * Device.ALIGNMENT, Float.BYTES, "lanczos dot");
        memory.add(0, slice);
        return new Tensor("lanczos dot", slice, DType.F32, Shape.of(1, 1));
    }

    private static ByteBuffer host(int floats) {
        return ByteBuffer.allocateDirect(Math.multiplyExact(floats, Float.BYTES))
                .order(ByteOrder.nativeOrder());
    }

    int size() {
        return size;
    }

    /** Takes v, orthogonal to the basis as {@link #start} and {@link #normalise} leave it, as the next vector. */
    void push() {
        stream.copy(basis, size * bytes, operator.vectors().buffer(), 0, bytes);
        size++;
    }

    /** Makes v orthogonal to the basis and of length 1, and returns the length that it had between the two. */
    double start() {
        stream.copy(operator.products().buffer(), 0, operator.vectors().buffer(), 0, bytes);
        orthogonalise();
        double norm = Math.sqrt(read(1));
        normalise(norm);
        return norm;
    }

    /** v.w, before w is made orthogonal to the basis; {@link #remainder} is what is left of w. */
    double alpha() {
        alpha.enqueue(stream);
        orthogonalise();
        return read(0);
    }

    /** Length of w after {@link #alpha}. */
    double remainder() {
        return Math.sqrt(hostDot(1));
    }

    /** v = w / norm. */
    void normalise(double norm) {
        hostFactor.clear();
        hostFactor.putFloat((float) (1 / norm)).flip();
        stream.upload(factor, 0, hostFactor);
        normalise.enqueue(stream);
    }

    /** Twice is enough (Giraud et al. 2005). */
    private void orthogonalise() {
        if (size > 0) {
            int which = (size - 1) / rowsPerSize;
            for (int pass = 0; pass < 2; pass++) {
                project.get(which).enqueue(stream);
                subtract.get(which).enqueue(stream);
            }
        }
        squaredNorm.enqueue(stream);
    }

    private double read(int i) {
        stream.download(hostDots.clear(), dots, 0);
        return hostDot(i);
    }

    private double hostDot(int i) {
        return hostDots.getFloat(i * Device.ALIGNMENT);
    }

    /** Puts combinations of the vectors from {@code from} on in their place; combination i has the components {@code combinations.get(i)}. */
    void replace(int from, List<double[]> combinations) {
        int which = (size - 1) / rowsPerSize;
        for (int i = 0; i < combinations.size(); i++) {
            double[] components = combinations.get(i);
            hostCoefficients.clear();
            for (int row = 0; row < rows; row++) {
                boolean inside = row >= from && row < size;
                hostCoefficients.putFloat(inside ? (float) components[row - from] : 0);
            }
            stream.upload(coefficients, 0, hostCoefficients.flip());
            combine.get(which).enqueue(stream);
            stream.copy(basis, (size + i) * bytes, operator.products().buffer(), 0, bytes);
        }
        for (int i = 0; i < combinations.size(); i++) {
            stream.copy(basis, (from + i) * bytes, basis, (size + i) * bytes, bytes);
        }
        int end = from + combinations.size();
        stream.fill(basis, end * bytes, (size + combinations.size() - end) * bytes, (byte) 0);
        size = end;
    }

    @Override
    public void close() {
        steps.forEach(Step::close);
        memory.forEach(Buffer::close);
    }
}
