package dev.sagitta.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.fixture.PretendBuffer;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.loss.CrossEntropy;
import dev.sagitta.kernel.loss.RowLoss;
import dev.sagitta.kernel.packed.QMatmul;
import dev.sagitta.kernel.reduce.Dots;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** What a signature passes, counts and refuses. */
class SignatureTest {
    private final Device device = TestDevices.get(TestDevices.one());

    private Tensor f32(String name, long... shape) {
        return new Tensor(name, new PretendBuffer(device, 1 << 20), DType.F32, Shape.of(shape));
    }

    private static Signature signature() {
        return Signature.of("copy_f32");
    }

    private static void refused(ThrowingCallable declaration, String text) {
        assertThatIllegalArgumentException().isThrownBy(declaration).withMessage("copy_f32: " + text);
    }

    @Test
    void valuesKeepTheOrderAndTheTypesOfTheKernel() {
        Tensor x = f32("x", 2, 3);
        Tensor y = f32("y", 6);
        Signature signature = signature()
                .in("x", x, DType.F32, 2, 3)
                .inOrNull("scale", null, DType.F32)
                .out("sum", f32("sum", 1), DType.F32, 1)
                .ofAnotherLaunch()
                .out("y", y, DType.F32)
                .elements(6)
                .scratchOrNull("workspace", null, DType.U8, 8)
                .i64("n", 6)
                .i32("flag", 1)
                .u32("stream", 0xFFFF_FFFFL)
                .f32("alpha", 2);
        assertThat(signature.values().values()).containsExactly(x.buffer(), null, y.buffer(), null, 6L, 1, -1, 2f);
        assertThat(signature.arguments())
                .extracting(Signature.Argument::name)
                .containsExactly("x", "scale", "sum", "y", "workspace", "n", "flag", "stream", "alpha");
    }

    @Test
    void bytesCountWhatIsReadAndWritten() {
        Tensor x = f32("x", 2, 3);
        Signature signature = signature()
                .in("x", x, DType.F32)
                .inOut("y", x, DType.F32)
                .outOrNull("z", null, DType.F32)
                .scratch("workspace", x, DType.F32, 24)
                .i64("n", 6);
        assertThat(signature.bytes()).isEqualTo(3 * 24);
        assertThat(signature.bytes(7).bytes()).isEqualTo(7);
    }

    @Test
    void whatDoesNotFitIsNamed() {
        Tensor x = f32("rows", 2, 3);
        refused(() -> signature().in("x", null, DType.F32), "x is missing, expected a tensor");
        refused(() -> signature().in("x", null, DType.F32, 2), "x is missing, expected a tensor");
        refused(() -> signature().present("x", null), "x is missing, expected a tensor");
        refused(() -> signature().out("x", x, DType.I32), "tensor 'rows' f32 [2, 3] has dtype f32, expected i32");
        refused(
                () -> signature().inOrNull("x", x, DType.F32).exactly(3, 2),
                "tensor 'rows' f32 [2, 3] has shape [2, 3], expected [3, 2]");
        refused(
                () -> signature().in("x", x, DType.F32).elements(5),
                "tensor 'rows' f32 [2, 3] has 6 elements, expected 5");
        refused(
                () -> signature().in("x", x, DType.F32).rank(3, "[tables, rows, width]"),
                "tensor 'rows' f32 [2, 3] must be [tables, rows, width]; reshape it");
        refused(
                () -> signature().scratch("workspace", x, DType.F32, 25),
                "tensor 'rows' f32 [2, 3] has 24 bytes, expected at least 25; ask workspaceBytes for the size");
        refused(() -> signature().require(false, "no"), "no");
        Buffer buffer = x.buffer();
        buffer.close();
        refused(() -> signature().in("x", x, DType.F32), "tensor 'rows' f32 [2, 3] is closed; allocate it again");
    }

    @Test
    void theFileFollowsFromTheClass() {
        assertThat(CrossEntropy.metrics(null, null, 0, null, null, null).file()).isEqualTo("loss/cross_entropy");
        assertThat(QMatmul.backward(null, null, null).file()).isEqualTo("packed/qmatmul");
        assertThat(new Dots(null, null, null, null, null).file()).isEqualTo("reduce/dots");
        // declared, for the stem is not the class
        assertThat(new RowLoss.Curvature(RowLoss.Kind.KL, null, null, null, null, null).file())
                .isEqualTo("loss/rows");
    }
}
