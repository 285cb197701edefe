package dev.sagitta.kernel.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.elementwise.MaskApply;
import dev.sagitta.kernel.elementwise.ReluMask;
import dev.sagitta.kernel.random.ProbeVectors;
import dev.sagitta.kernel.random.Random;
import dev.sagitta.kernel.random.RandomState;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the descriptors of codec, masks and random numbers refuse, and what they compute without a device. */
class CodecDescriptorTest {
    private static final CodecFormat FORMAT = CodecFormat.of(4);
    private static final int N = 1000;

    private Device device;
    private Buffer memory;
    private Tensor state;
    private Tensor x;
    private Tensor codes;
    private Tensor metadata;
    private Tensor flags;

    @BeforeEach
    void allocate() {
        device = TestDevices.get(TestDevices.names().get(0));
        memory = device.allocate(1 << 16, MemoryCategory.OTHER, "memory");
        state = tensor("state", DType.U32, 4);
        x = tensor("x", DType.F32, N);
        codes = tensor("codes", DType.U32, FORMAT.packedWords(N));
        metadata = tensor("metadata", DType.F32, FORMAT.metadataElements(N));
        flags = tensor("flags", DType.U32, 1);
    }

    @AfterEach
    void free() {
        memory.close();
    }

    private Tensor tensor(String name, DType dtype, long... shape) {
        return new Tensor(name, memory, dtype, Shape.of(shape));
    }

    private static void refuses(Descriptor descriptor, String... words) {
        assertThatIllegalArgumentException().isThrownBy(descriptor::check).withMessageContainingAll(words);
    }

    @Test
    void formats() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> CodecFormat.of(3))
                .withMessageContainingAll("3 bits", "1, 2, 4 or 8");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new CodecFormat(4, 100, DType.F32))
                .withMessageContainingAll("group of 100", "256");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new CodecFormat(4, 2048, DType.F32))
                .withMessageContaining("2048");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new CodecFormat(4, 256, DType.F16))
                .withMessageContainingAll("F16", "F32 or BF16");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> FORMAT.packedBytes((1L << 40) + 1))
                .withMessageContainingAll("1099511627777", "split");
        assertThatIllegalArgumentException().isThrownBy(() -> FORMAT.groups(-1)).withMessageContaining("-1");
    }

    @Test
    void sizesReach40Bits() {
        assertThat(FORMAT.packedBytes(1)).isEqualTo(4);
        assertThat(FORMAT.packedBytes(9)).isEqualTo(8);
        assertThat(FORMAT.packedBytes(1L << 40)).isEqualTo(1L << 39);
        assertThat(new CodecFormat(1, 64, DType.BF16).packedBytes(33)).isEqualTo(8);
        assertThat(FORMAT.metadataBytes(257)).isEqualTo(16);
        assertThat(new CodecFormat(1, 64, DType.BF16).metadataBytes(1L << 40)).isEqualTo(1L << 36);
        assertThat(FORMAT.segments(3, 100)).isEqualTo(2 + 3);
    }

    @Test
    void pack() {
        Pack.stochastic(FORMAT, state, 1, x, codes, metadata, flags).check();
        refuses(
                Pack.stochastic(FORMAT, state, 1, tensor("x", DType.BF16, N), codes, metadata, flags),
                "'x'",
                "bf16",
                "expected f32");
        refuses(
                Pack.stochastic(FORMAT, state, 1, tensor("x", DType.F32, 2000), codes, metadata, flags),
                "'codes'",
                "125",
                "250");
        refuses(
                Pack.stochastic(FORMAT, state, 1, x, tensor("codes", DType.I32, 125), metadata, flags),
                "'codes'",
                "i32",
                "u32");
        refuses(
                Pack.stochastic(FORMAT, state, 1, x, codes, tensor("metadata", DType.BF16, 8), flags),
                "'metadata'",
                "bf16",
                "f32");
        refuses(
                Pack.stochastic(FORMAT, state, 1, x, codes, tensor("metadata", DType.F32, 4), flags),
                "'metadata'",
                "4",
                "8");
        refuses(
                Pack.stochastic(FORMAT, state, 1, x, codes, metadata, tensor("flags", DType.U32, 2)),
                "'flags'",
                "2",
                "1");
        refuses(
                Pack.stochastic(FORMAT, state, 1, x, codes, metadata, tensor("flags", DType.F32, 1)),
                "'flags'",
                "f32",
                "u32");
        refuses(
                Pack.stochastic(FORMAT, tensor("state", DType.U32, 3), 1, x, codes, metadata, flags),
                "'state'",
                "3",
                "4");
        refuses(
                Pack.stochastic(FORMAT, tensor("state", DType.I64, 4), 1, x, codes, metadata, flags),
                "'state'",
                "i64",
                "u32");
    }

    @Test
    void variance() {
        Pack pack = Pack.stochastic(FORMAT, state, 1, x, codes, metadata, flags);
        Tensor segments = tensor("segments", DType.F32, 14);
        pack.withVariance(segments, 100).check();
        refuses(pack.withVariance(segments, 300), "'x'", "rows of 300");
        refuses(pack.withVariance(segments, 0), "rows of 0");
        refuses(pack.withVariance(tensor("segments", DType.F32, 10), 100), "'segments'", "10", "14");
        refuses(pack.withVariance(tensor("segments", DType.I32, 14), 100), "'segments'", "i32", "f32");
        refuses(Pack.nearest(FORMAT, x, codes, metadata, flags).withVariance(segments, 100), "nearest", "no variance");
        RowVariance.of(FORMAT, segments, 100, tensor("variance", DType.F32, 10)).check();
        refuses(RowVariance.of(FORMAT, segments, 100, tensor("variance", DType.F32, 9)), "'segments'", "14", "13");
        refuses(RowVariance.of(FORMAT, segments, 0, tensor("variance", DType.F32, 10)), "rows of 0");
        refuses(
                RowVariance.of(FORMAT, tensor("segments", DType.U32, 14), 100, tensor("variance", DType.F32, 10)),
                "'segments'",
                "u32");
        refuses(RowVariance.of(FORMAT, segments, 100, tensor("variance", DType.I32, 10)), "'variance'", "i32");
    }

    @Test
    void unpack() {
        Unpack.of(FORMAT, codes, metadata, x).check();
        refuses(Unpack.of(FORMAT, codes, metadata, tensor("x", DType.F16, N)), "'x'", "f16", "f32");
        refuses(Unpack.of(FORMAT, tensor("codes", DType.U32, 124), metadata, x), "'codes'", "124", "125");
        refuses(Unpack.of(FORMAT, tensor("codes", DType.U8, 125), metadata, x), "'codes'", "u8", "u32");
        refuses(Unpack.of(FORMAT, codes, tensor("metadata", DType.F32, 9), x), "'metadata'", "9", "8");
        refuses(Unpack.of(FORMAT, codes, tensor("metadata", DType.U32, 8), x), "'metadata'", "u32", "f32");
    }

    @Test
    void random() {
        Tensor bits = tensor("bits", DType.U32, 8);
        Random.bits(state, 1, bits).from(16).check();
        refuses(Random.bits(state, 1, bits).from(6), "first element 6", "multiple of 4");
        refuses(Random.bits(state, 1, bits).from(-4), "first element -4");
        refuses(Random.bits(state, 1, bits).from((1L << 50) - 4), "2^50");
        refuses(Random.bits(state, 1, x), "'x'", "f32", "u32");
        refuses(Random.uniform(state, 1, bits), "'bits'", "u32", "f32");
        refuses(Random.normal(bits, 1, x), "'bits'", "8", "4");
        refuses(Random.rademacher(tensor("state", DType.F32, 4), 1, x), "'state'", "f32", "u32");
        refuses(RandomState.advance(bits), "'bits'", "8", "4");
        refuses(RandomState.advance(tensor("state", DType.I32, 4)), "'state'", "i32", "u32");
    }

    @Test
    void probeVectors() {
        Tensor which = tensor("which", DType.I64, 3);
        Tensor segments = tensor("segments", DType.I64, 8);
        Random.Kind kind = Random.Kind.RADEMACHER;
        new ProbeVectors(kind, which, segments, 4, 2, x).check();
        refuses(new ProbeVectors(Random.Kind.BITS, which, segments, 4, 2, x), "BITS", "RADEMACHER or NORMAL");
        refuses(new ProbeVectors(kind, segments, segments, 4, 2, x), "'segments'", "8", "3");
        refuses(new ProbeVectors(kind, which, which, 4, 2, x), "'which'", "3", "4 for each parameter");
        refuses(new ProbeVectors(kind, which, segments, 1L << 30, 2, x), "1073741824 chunks", "fewer probes");
        refuses(new ProbeVectors(kind, which, segments, 4, 0, x), "0 probes");
        refuses(new ProbeVectors(kind, which, segments, 4, 2, tensor("y", DType.BF16, N)), "'y'", "bf16");
    }

    @Test
    void dropout() {
        Random.dropout(state, 1, 0, 500, x, x).check();
        refuses(Random.dropout(state, 1, 1, 500, x, x), "probability 1.0", "p < 1");
        refuses(Random.dropout(state, 1, -0.1f, 500, x, x), "probability -0.1");
        refuses(Random.dropout(state, 1, Float.NaN, 500, x, x), "NaN");
        refuses(Random.dropout(state, 1, 0.5f, 300, x, x), "'x'", "probes of 300");
        refuses(Random.dropout(state, 1, 0.5f, 0, x, x), "probes of 0");
        refuses(Random.dropout(state, 1, 0.5f, 500, x, tensor("y", DType.F32, 500)), "'y'", "500", "1000");
        refuses(Random.dropout(state, 1, 0.5f, 500, x, tensor("y", DType.BF16, N)), "'y'", "bf16");
        refuses(Random.dropout(state, 1, 0.5f, 500, tensor("x", DType.BF16, N), x), "'x'", "bf16");
        refuses(Random.dropout(flags, 1, 0.5f, 500, x, x), "'flags'", "1", "4");
        refuses(Random.dropout(tensor("state", DType.F32, 4), 1, 0.5f, 500, x, x), "'state'", "f32");
    }

    @Test
    void masks() {
        Tensor mask = tensor("mask", DType.U32, 32);
        ReluMask.of(x, x, mask).check();
        MaskApply.of(mask, N, tensor("in", DType.F32, 3, N), tensor("out", DType.F32, 3, N))
                .check();
        refuses(ReluMask.of(x, x, tensor("mask", DType.U32, 31)), "'mask'", "31", "32");
        refuses(ReluMask.sign(x, tensor("mask", DType.U8, 32)), "'mask'", "u8", "u32");
        refuses(ReluMask.sign(tensor("x", DType.F16, N), mask), "'x'", "f16");
        refuses(ReluMask.of(x, tensor("y", DType.F32, 999), mask), "'y'", "999", "1000");
        refuses(ReluMask.of(x, tensor("y", DType.I32, N), mask), "'y'", "i32");
        refuses(MaskApply.of(mask, 999, x, x), "'x'", "probes of 999");
        refuses(MaskApply.of(mask, 500, x, x), "'mask'", "32", "16");
        refuses(MaskApply.of(tensor("mask", DType.I32, 32), N, x, x), "'mask'", "i32");
        refuses(MaskApply.of(mask, N, tensor("in", DType.F16, N), x), "'in'", "f16");
        refuses(MaskApply.of(mask, N, x, tensor("out", DType.F32, 2000)), "'out'", "2000", "1000");
        refuses(MaskApply.of(mask, N, x, tensor("out", DType.I32, N)), "'out'", "i32");
    }

    @Test
    void closedMemory() {
        Buffer gone = device.allocate(4 * N, MemoryCategory.OTHER, "gone");
        Tensor y = new Tensor("y", gone, DType.F32, Shape.of(N));
        Step step = Unpack.of(FORMAT, codes, metadata, y).prepare(device);
        gone.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> step.enqueue(device.stream()))
                .withMessageContainingAll("gone", "closed");
        step.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> Random.normal(state, 1, y).prepare(device))
                .withMessageContainingAll("gone", "closed");
    }
}
