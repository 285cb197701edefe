package dev.sagitta.kernel.elementwise;

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
import dev.sagitta.kernel.Function;
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

/** What the descriptors of pointwise, arithmetic and bias refuse, and the geometry of extents too large to allocate. */
class ElementwiseDescriptorTest {
    private final Device device = TestDevices.get(TestDevices.one());
    private final List<Buffer> buffers = new ArrayList<>();

    static List<String> devices() {
        return TestDevices.names();
    }

    @AfterEach
    void free() {
        buffers.forEach(Buffer::close);
    }

    private Tensor tensor(String name, DType dtype, long... shape) {
        Tensor tensor = Tensor.allocate(device, MemoryCategory.OTHER, name, dtype, Shape.of(shape));
        buffers.add(tensor.buffer());
        return tensor;
    }

    private Tensor f32(String name, long... shape) {
        return tensor(name, DType.F32, shape);
    }

    private void refuses(Descriptor descriptor, String... parts) {
        assertThatThrownBy(() -> descriptor.prepare(device))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(parts);
    }

    @Test
    void pointwise() {
        Tensor x = f32("x", 12);
        Tensor y = f32("y", 12);
        Tensor wrong = f32("wrong", 11);
        Tensor half = tensor("half", DType.F16, 12);
        Tensor xt = f32("xt", 3, 12);
        refuses(Pointwise.forward(Function.GELU, x, wrong), "gelu_forward_f32", "'wrong'", "11", "expected 12");
        refuses(Pointwise.forward(Function.GELU, half, y), "'half'", "f16", "expected f32");
        refuses(Pointwise.backward(Function.RELU, x, wrong, y), "relu_backward_f32", "'wrong'", "expected 12");
        refuses(Pointwise.backward(Function.RELU, x, y, half), "'half'", "expected f32");
        refuses(Pointwise.tangent(Function.TANH, x, wrong, xt), "'wrong'", "multiple of the 12", "probes in front");
        refuses(Pointwise.tangent(Function.TANH, x, xt, y), "'y'", "12 elements", "expected 36");
        refuses(Pointwise.tangentBackward(Function.SILU, x, xt, wrong, xt, xt), "'wrong'", "expected 12");
        refuses(Pointwise.tangentBackward(Function.SILU, x, xt, y, y, xt), "'y'", "expected 36");
        refuses(Pointwise.tangentBackward(Function.SILU, x, xt, y, xt, y), "'y'", "expected 36");
    }

    @Test
    void curvature() {
        Tensor x = f32("x", 12);
        Tensor xt = f32("xt", 3, 12);
        Tensor out = f32("out", 3);
        Tensor partials =
                tensor("partials", DType.F32, Pointwise.partials(device, 12, 3).toArray());
        Tensor short2 = f32("short", 3, 1);
        refuses(Pointwise.curvature(Function.GELU, x, xt, x, out, short2), "'short'", "[3, 1]", "expected [3, 1, 2]");
        refuses(Pointwise.curvature(Function.GELU, x, xt, x, f32("two", 2), partials), "'xt'", "36", "expected 24");
        refuses(
                Pointwise.curvature(Function.GELU, x, xt, x, f32("none", 0), partials),
                "'none'",
                "one element per probe");
        refuses(Pointwise.curvature(Function.GELU, x, xt, out, out, partials), "'out'", "3 elements", "expected 12");
        refuses(
                Pointwise.curvature(Function.GELU, x, xt, x, out, tensor("bits", DType.I32, 3, 1, 2)),
                "'bits'",
                "i32",
                "f32");
    }

    @Test
    void arithmetic() {
        Tensor a = f32("a", 9);
        Tensor y = f32("y", 9);
        Tensor wrong = f32("wrong", 8);
        Tensor half = tensor("half", DType.BF16, 9);
        refuses(Arithmetic.add(a, wrong, y), "add_f32", "'wrong'", "8 elements", "expected 9");
        refuses(Arithmetic.add(half, a, y), "'half'", "bf16", "expected f32");
        refuses(Arithmetic.multiply(wrong, a, y), "multiply_f32", "expected 9");
        refuses(Arithmetic.fma(a, a, wrong, y), "fma_f32", "expected 9");
        refuses(Arithmetic.scale(2, wrong, y), "scale_f32", "expected 9");
        refuses(Arithmetic.axpy(2, wrong, y), "axpy_f32", "expected 9");
        refuses(Arithmetic.axpby(2, wrong, 1, y), "axpby_f32", "expected 9");
        refuses(Arithmetic.axpy(2, a, y).times(wrong), "'wrong'", "expected 1");
        refuses(Arithmetic.axpy(2, a, y).times(tensor("int", DType.I32, 1)), "'int'", "expected f32");
        refuses(Arithmetic.add(a, a, y).times(f32("factor", 1)), "add_f32", "takes no factor", "axpy");
    }

    @Test
    void bias() {
        Tensor y = f32("y", 2, 5, 7);
        Tensor b = f32("b", 7);
        refuses(new BiasAdd(y, f32("wide", 8)), "bias_add_f32", "'y'", "[2, 5, 7]", "8 columns", "'wide'");
        refuses(new BiasAdd(y, f32("three", 3, 7)), "'y'", "3 batches", "'three'");
        refuses(new BiasAdd(y, f32("cube", 2, 5, 7)), "'cube'", "rank 3", "[K, cols]");
        refuses(new BiasAdd(y, f32("none", 0)), "'none'", "no columns");
        refuses(new BiasAdd(y, tensor("half", DType.F16, 7)), "'half'", "expected f32");
        refuses(new BiasGradient(y, f32("wide", 8), null, false), "bias_gradient_f32", "8 columns");
        refuses(new BiasGradient(tensor("codes", DType.U8, 5, 7), b, null, false), "'codes'", "u8", "expected f32");
        Tensor tall = f32("tall", 200_000, 4);
        Tensor db = f32("db", 4);
        refuses(new BiasGradient(tall, db, null, false), "needs a workspace", "BiasGradient.partials");
        refuses(new BiasGradient(tall, db, f32("small", 1, 1, 4), true), "'small'", "[1, 1, 4]", "expected [1, ");
    }

    @Test
    void closed() {
        Tensor x = f32("x", 4);
        Tensor gone = Tensor.allocate(device, MemoryCategory.OTHER, "gone", DType.F32, Shape.of(4));
        gone.buffer().close();
        refuses(Pointwise.forward(Function.RELU, x, gone), "'gone'", "closed");
        refuses(Pointwise.forward(Function.RELU, gone, x), "'gone'", "closed");
        refuses(Arithmetic.add(x, gone, x), "'gone'", "closed");
        refuses(Arithmetic.scale(1, x, x).times(gone), "'gone'", "closed");
        refuses(new BiasAdd(x, gone), "'gone'", "closed");
        refuses(new BiasGradient(gone, x, null, false), "'gone'", "closed");
    }

    /** No memory that large is needed to see which element the last work-item would touch. */
    @ParameterizedTest
    @MethodSource("devices")
    void beyondTwoToThe31(String name) {
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

    private static void covers(HandDescriptor descriptor, Device on, long n, long perWorkItem) {
        descriptor.check();
        Geometry geometry = descriptor.geometry(on);
        if (geometry.blockX() > 1) {
            assertThat((long) geometry.gridX() * geometry.blockX() * perWorkItem)
                    .isGreaterThanOrEqualTo(n);
        }
        Arguments arguments = new Arguments();
        descriptor.arguments(arguments);
        assertThat(arguments.values()).contains(n);
        assertThat(descriptor.bytes()).isGreaterThanOrEqualTo(8 * n);
    }
}
