package dev.sagitta.kernel.reduce;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.fixture.PretendBuffer;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the descriptors of reductions and dots refuse, and the geometry of extents too large to allocate. */
class ReduceDescriptorTest {
    private final Device device = TestDevices.get(TestDevices.one());
    private final List<Buffer> buffers = new ArrayList<>();

    static List<String> devices() {
        return TestDevices.names();
    }

    @AfterEach
    void free() {
        buffers.forEach(Buffer::close);
    }

    private Tensor tensor(String name, DType dtype, Shape shape) {
        Tensor tensor = Tensor.allocate(device, MemoryCategory.OTHER, name, dtype, shape);
        buffers.add(tensor.buffer());
        return tensor;
    }

    private Tensor f32(String name, long... shape) {
        return tensor(name, DType.F32, Shape.of(shape));
    }

    private void refuses(Descriptor descriptor, String... parts) {
        assertThatThrownBy(() -> descriptor.prepare(device))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(parts);
    }

    @Test
    void reduce() {
        Tensor x = f32("x", 4, 10);
        Tensor out = f32("out", 4);
        Tensor partials = tensor("partials", DType.F32, Reduce.partials(device, 4, 10));
        refuses(
                Reduce.sum(x, f32("three", 3), partials),
                "sum",
                "'x'",
                "40 elements",
                "multiple of the 3 rows",
                "'three'");
        refuses(Reduce.sum(x, f32("none", 0), partials), "'none'", "one element per row");
        refuses(Reduce.sum(tensor("half", DType.F16, Shape.of(4, 10)), out, partials), "'half'", "f16", "expected f32");
        refuses(Reduce.norm(x, tensor("ints", DType.I32, Shape.of(4)), partials), "norm", "'ints'", "expected f32");
        refuses(
                Reduce.sumOfSquares(x, out, f32("small", 3, 1, 2)),
                "sum_of_squares",
                "'small'",
                "[3, 1, 2]",
                "expected [4, 1, 2]");
        refuses(Reduce.dot(x, f32("y", 39), out, partials), "dot", "'y'", "39", "expected 40");
        refuses(Reduce.argmax(x, out, partials), "argmax", "'out'", "f32", "expected i32");
        refuses(Reduce.max(f32("empty", 4, 0), out, partials), "max", "'empty'", "empty rows");
        try (Buffer huge = new PretendBuffer(device, 16L << 30)) {
            Tensor wide = new Tensor("wide", huge, DType.F32, Shape.of(3L << 30));
            refuses(
                    Reduce.argmax(wide, tensor("at", DType.I32, Shape.of(1)), partials),
                    "'wide'",
                    "2^31 - 1",
                    "split it");
        }
    }

    @Test
    void anyNonfinite() {
        Tensor x = f32("x", 10);
        Tensor flag = tensor("flag", DType.I32, Shape.of(1));
        Tensor index = tensor("index", DType.I64, Shape.of(1));
        Tensor partials = tensor("partials", DType.F32, AnyNonfinite.partials(device, 10));
        refuses(new AnyNonfinite(x, f32("float", 1), index, partials), "any_nonfinite", "'float'", "expected i32");
        refuses(new AnyNonfinite(x, flag, flag, partials), "'flag'", "i32", "expected i64");
        refuses(new AnyNonfinite(x, tensor("two", DType.I32, Shape.of(2)), index, partials), "'two'", "expected 1");
        refuses(new AnyNonfinite(x, flag, index, f32("small", 1)), "'small'", "[1]", "expected [1, 2]");
        refuses(new AnyNonfinite(index, flag, index, partials), "'index'", "expected f32");
    }

    @Test
    void dots() {
        Tensor u = f32("u", 3, 10);
        Tensor v = f32("v", 10);
        Tensor offsets = tensor("offsets", DType.I64, Shape.of(3));
        Tensor out = f32("out", 3, 2);
        Tensor partials = tensor("partials", DType.F32, Dots.partials(device, 10, 3, 2));
        refuses(
                new Dots(u, f32("w", 20), offsets, out, partials),
                "dots",
                "'w'",
                "20",
                "10 (shared by the probes) or 30");
        refuses(new Dots(u, v, tensor("ints", DType.I32, Shape.of(3)), out, partials), "'ints'", "expected i64");
        refuses(new Dots(u, v, tensor("one", DType.I64, Shape.of(1)), out, partials), "'one'", "L + 1");
        refuses(new Dots(u, v, offsets, f32("five", 5), partials), "'five'", "5 elements", "expected 6");
        refuses(new Dots(u, v, offsets, out, f32("small", 3, 1, 2)), "'small'", "[3, 1, 2]", "expected [3, 3, 2]");
        refuses(new Dots(f32("cube", 1, 2, 3), v, offsets, out, partials), "'cube'", "rank 3", "[K, n]");
        refuses(new Dots(f32("none", 0, 10), v, offsets, out, partials), "'none'", "no probes");
    }

    @Test
    void closed() {
        Tensor x = f32("x", 4);
        Tensor out = f32("out", 1);
        Tensor gone = Tensor.allocate(device, MemoryCategory.OTHER, "gone", DType.F32, Shape.of(4));
        gone.buffer().close();
        refuses(Reduce.sum(gone, out, x), "'gone'", "closed");
        refuses(Reduce.dot(x, gone, out, tensor("p", DType.F32, Reduce.partials(device, 1, 4))), "'gone'", "closed");
        refuses(Reduce.sum(x, out, gone), "'gone'", "closed");
        refuses(new Dots(x, gone, x, x, x), "'gone'", "closed");
        refuses(new AnyNonfinite(gone, x, x, x), "'gone'", "closed");
    }

    @ParameterizedTest
    @MethodSource("devices")
    void beyondTwoToThe31(String name) {
        Device on = TestDevices.get(name);
        long n = (1L << 31) + 7;
        try (Buffer huge = new PretendBuffer(on, 64L << 30)) {
            Tensor x = new Tensor("x", huge, DType.F32, Shape.of(n));
            Tensor one = new Tensor("one", huge, DType.F32, Shape.of(1));
            Tensor partials = new Tensor("partials", huge, DType.F32, Reduce.partials(on, 1, n));
            Reduce sum = Reduce.sum(x, one, partials);
            covers(sum, on, n, sum.geometry(on).gridX());
            Tensor u = new Tensor("u", huge, DType.F32, Shape.of(2, n));
            Tensor offsets = new Tensor("offsets", huge, DType.I64, Shape.of(4));
            Tensor out = new Tensor("out", huge, DType.F32, Shape.of(2, 3));
            Tensor places = new Tensor("places", huge, DType.F32, Dots.partials(on, n, 2, 3));
            Dots dots = new Dots(u, x, offsets, out, places);
            boolean alone = dots.geometry(on).blockX() == 1;
            covers(dots, on, n, dots.geometry(on).gridX() / (alone ? 1 : 2));
            // more rows than the second dimension of a grid may have
            long rows = 1L << 30;
            Tensor pairs = new Tensor("pairs", huge, DType.F32, Shape.of(rows, 2));
            Tensor results = new Tensor("results", huge, DType.F32, Shape.of(rows));
            Tensor many = new Tensor("many", huge, DType.F32, Reduce.partials(on, rows, 2));
            Reduce rowSums = Reduce.sum(pairs, results, many);
            rowSums.check();
            Geometry geometry = rowSums.geometry(on);
            assertThat(geometry.gridY()).isBetween(1, 65535);
        }
    }

    /** The chunk, the argument that follows n somewhere, times the chunks is what there is. */
    private static void covers(HandDescriptor descriptor, Device on, long n, long chunks) {
        descriptor.check();
        Arguments arguments = new Arguments();
        descriptor.arguments(arguments);
        List<Object> values = arguments.values();
        assertThat(values).contains(n);
        long chunk = descriptor instanceof Dots
                ? (Long) values.get(values.size() - 2)
                : (Long) values.get(values.size() - 1);
        assertThat(chunk * chunks).isGreaterThanOrEqualTo(n);
        assertThat(chunk * (chunks - 1)).isLessThan(n);
    }
}
