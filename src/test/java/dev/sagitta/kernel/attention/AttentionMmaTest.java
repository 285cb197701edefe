package dev.sagitta.kernel.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.fixture.DryDevice;
import dev.sagitta.fixture.PretendBuffer;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.attention.AttentionMma.Factors;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import org.junit.jupiter.api.Test;

/** Which launches tensor cores serve. */
class AttentionMmaTest {
    private final DryDevice gpu = new DryDevice();

    private static Tensor f32(Device device, String name, long... shape) {
        return new Tensor(name, new PretendBuffer(device, Long.MAX_VALUE), DType.F32, Shape.of(shape));
    }

    private static AttentionProblem.Inputs inputs(Device device, AttentionProblem p) {
        Tensor q = f32(device, "q", p.batch(), p.t(), p.qRow());
        Tensor k = f32(device, "k", p.batch(), p.s(), p.kRow());
        return new AttentionProblem.Inputs(q, k, f32(device, "v", p.batch(), p.s(), p.vRow()), null, null, null);
    }

    private static Descriptor forward(Device device, int d) {
        AttentionProblem p = AttentionProblem.of(2, 4, 2, 100, 130, d);
        return new Attention.Forward(p, inputs(device, p), f32(device, "o", 2, 100, 4, d), null);
    }

    private static Descriptor tangentBackward(Device device, int d) {
        AttentionProblem p = AttentionProblem.of(2, 4, 2, 100, 130, d);
        Tensor one = f32(device, "delta", 1, 2, 4, 100);
        Tensor many = f32(device, "mu", 3, 2, 4, 100);
        Tensor dO = f32(device, "d_o", 2, 100, 4, d);
        Tensor dq = f32(device, "dqt", 3, 2, 100, 4 * d);
        return new Attention.TangentBackward(
                p, 3, inputs(device, p), one, many, one, many, dO, null, null, null, null, dq, null, null);
    }

    @Test
    void headSizesAreRoundedUp() {
        for (int[] pair : new int[][] {{1, 32}, {32, 32}, {33, 64}, {64, 64}, {80, 128}, {128, 128}}) {
            Descriptor chosen =
                    AttentionMma.of(forward(gpu, pair[0]), Factors.BF16).on(gpu);
            assertThat(chosen.file()).isEqualTo("attention/attention_mma");
            assertThat(chosen.entry(gpu)).isEqualTo("attention_forward_bf16_" + pair[1]);
        }
    }

    @Test
    void largerHeadsRunPlainly() {
        Descriptor plain = forward(gpu, 129);
        assertThat(AttentionMma.of(plain, Factors.TF32).on(gpu)).isSameAs(plain);
        AttentionMma.of(plain, Factors.TF32).prepare(gpu).close();
        assertThat(gpu.entries()).containsExactly("attention/attention:attention_forward_f32");
    }

    @Test
    void otherDevicesRunPlainly() {
        try (DryDevice other = new DryDevice(DeviceKind.OPENCL_GPU)) {
            AttentionMma.of(forward(other, 64), Factors.TF32).prepare(other).close();
            assertThat(other.entries()).containsExactly("attention/attention:attention_forward_f32");
        }
    }

    /** Of consumer cards: 99 KB. */
    @Test
    void littleSharedMemoryLeavesThePlainPass() {
        try (DryDevice small = new DryDevice(DeviceKind.CUDA, 99 << 10)) {
            Descriptor plain = tangentBackward(small, 128);
            assertThat(AttentionMma.of(plain, Factors.TF32).on(small)).isSameAs(plain);
            assertThat(AttentionMma.of(plain, Factors.BF16).on(small)).isSameAs(plain);
            Descriptor narrow =
                    AttentionMma.of(tangentBackward(small, 64), Factors.BF16).on(small);
            assertThat(narrow.entry(small)).isEqualTo("attention_tangent_backward_bf16_64");
        }
        Descriptor wide =
                AttentionMma.of(tangentBackward(gpu, 128), Factors.TF32).on(gpu);
        assertThat(wide.entry(gpu)).isEqualTo("attention_tangent_backward_tf32_128");
    }

    @Test
    void groupsAreThoseOfWantedResults() {
        Descriptor rows = AttentionMma.of(tangentBackward(gpu, 64), Factors.TF32);
        assertThat(rows.geometry(gpu).gridX()).isEqualTo(3 * 2 * 4 * 2); // copies, examples, heads, tiles of queries
        assertThat(rows.geometry(gpu).sharedBytes()).isEqualTo(4 * 64 * 272 + 4 * 32 * (272 + 256) + 1024);
    }

    @Test
    void fullPrecisionIsThePlainPass() {
        Descriptor plain = forward(gpu, 64);
        assertThat(AttentionMma.orPlain(plain, null)).isSameAs(plain);
        assertThat(AttentionMma.orPlain(plain, Factors.TF32)).isInstanceOf(AttentionMma.class);
    }

    @Test
    void deltaHasNoProducts() {
        Tensor o = f32(gpu, "o", 1, 1, 1, 8);
        Descriptor delta = new Attention.Delta(
                AttentionProblem.of(1, 1, 1, 1, 1, 8), 1, o, null, null, o, f32(gpu, "delta", 1, 1, 1, 1));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> AttentionMma.of(delta, Factors.TF32))
                .withMessageContaining("attention_delta_f32");
    }
}
