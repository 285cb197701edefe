package dev.sagitta.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.fixture.PretendBuffer;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.kernel.elementwise.Pointwise;
import dev.sagitta.kernel.reduce.Dots;
import dev.sagitta.kernel.reduce.Reduce;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Geometry and arguments of extents too large to allocate: no memory that large is needed to see what the last work-item would touch. */
class LargeExtentsTest {
    static List<String> devices() {
        return TestDevices.names();
    }

    /** No memory that large is needed to see which element the last work-item would touch. */
    @ParameterizedTest
    @MethodSource("devices")
    void elementwise(String name) {
        Device on = TestDevices.get(name);
        for (long n : new long[] {(1L << 31) - 1, (1L << 31) + 5, 3L << 32}) {
            try (Buffer huge = new PretendBuffer(on, 4 * n)) {
                Tensor x = new Tensor("x", huge, DType.F32, Shape.of(n));
                covers(Pointwise.forward(Function.GELU, x, x), on, n, 8);
                covers(Pointwise.tangent(Function.GELU, x, x, x), on, n, 4);
                covers(Arithmetic.add(x, x, x), on, n, 8);
            }
        }
    }

    private static void covers(Descriptor descriptor, Device on, long n, long perWorkItem) {
        descriptor.check();
        Geometry geometry = descriptor.geometry(on);
        if (geometry.blockX() > 1) {
            assertThat((long) geometry.gridX() * geometry.blockX() * perWorkItem)
                    .isGreaterThanOrEqualTo(n);
        }
        assertThat(descriptor.signature().values().values()).contains(n);
        assertThat(descriptor.bytes()).isGreaterThanOrEqualTo(8 * n);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void reductions(String name) {
        Device on = TestDevices.get(name);
        long n = (1L << 31) + 7;
        try (Buffer huge = new PretendBuffer(on, 64L << 30)) {
            Tensor x = new Tensor("x", huge, DType.F32, Shape.of(n));
            Tensor one = new Tensor("one", huge, DType.F32, Shape.of(1));
            Tensor partials = new Tensor("partials", huge, DType.F32, Reduce.partials(on, 1, n));
            Reduce.Single sum = Reduce.sum(x, one, partials);
            chunksCover(sum, on, n, sum.geometry(on).gridX());
            Tensor u = new Tensor("u", huge, DType.F32, Shape.of(2, n));
            Tensor offsets = new Tensor("offsets", huge, DType.I64, Shape.of(4));
            Tensor out = new Tensor("out", huge, DType.F32, Shape.of(2, 3));
            Tensor places = new Tensor("places", huge, DType.F32, Dots.partials(on, n, 2, 3));
            Dots dots = new Dots(u, x, offsets, out, places);
            boolean alone = dots.geometry(on).blockX() == 1;
            chunksCover(dots, on, n, dots.geometry(on).gridX() / (alone ? 1 : 2));
            // more rows than the second dimension of a grid may have
            long rows = 1L << 30;
            Tensor pairs = new Tensor("pairs", huge, DType.F32, Shape.of(rows, 2));
            Tensor results = new Tensor("results", huge, DType.F32, Shape.of(rows));
            Tensor many = new Tensor("many", huge, DType.F32, Reduce.partials(on, rows, 2));
            Reduce.Single rowSums = Reduce.sum(pairs, results, many);
            rowSums.check();
            Geometry geometry = rowSums.geometry(on);
            assertThat(geometry.gridY()).isBetween(1, 65535);
        }
    }

    /** The chunk, the argument that follows n somewhere, times the chunks is what there is. */
    private static void chunksCover(Descriptor descriptor, Device on, long n, long chunks) {
        descriptor.check();
        List<Object> values = descriptor.signature().values().values();
        assertThat(values).contains(n);
        long chunk = descriptor instanceof Dots
                ? (Long) values.get(values.size() - 2)
                : (Long) values.get(values.size() - 1);
        assertThat(chunk * chunks).isGreaterThanOrEqualTo(n);
        assertThat(chunk * (chunks - 1)).isLessThan(n);
    }
}
