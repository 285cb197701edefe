package dev.sagitta.kernel.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.ShiftedSlice;
import dev.sagitta.device.cuda.CudaDevice;
import dev.sagitta.fixture.CodecReference;
import dev.sagitta.fixture.Philox;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Step;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A caller's CUDA memory may start at any multiple of an element: the codec gives the same bits there as at addresses that allow wide accesses. */
@Tag("kernels")
class CodecAlignmentTest {
    private static final long SEED = 0x0123_4567_89AB_CDEFL;
    private static final int STREAM = 5;
    private static final int STEP = 3;

    private final List<Buffer> buffers = new ArrayList<>();

    @ParameterizedTest(name = "{0} bits, groups of {1}, x at byte {2}, codes at byte {3}, metadata at byte {4}")
    @CsvSource({
        "1, 64, 4, 0, 0",
        "2, 128, 8, 4, 4",
        "4, 256, 12, 0, 4",
        "8, 256, 0, 4, 0",
        "8, 512, 4, 8, 8",
        "4, 1024, 0, 12, 12"
    })
    void anyAddress(int bits, int group, int xAt, int codesAt, int metadataAt) {
        assumeTrue(TestDevices.names().contains("cuda"), "no CUDA device, not even a simulated one");
        CudaDevice device = (CudaDevice) TestDevices.get("cuda");
        CodecFormat format = new CodecFormat(bits, group, DType.F32);
        int n = 3 * 1024 + 5;
        float[] values = new float[n];
        Random random = new Random(17L * bits + group);
        for (int i = 0; i < n; i++) {
            values[i] = (float) random.nextGaussian();
        }
        CodecReference reference = new CodecReference(format, values, Philox.halves(SEED, STREAM, STEP, n));

        Tensor x = at(device, "x", DType.F32, n, xAt);
        x.upload(device.stream(), values);
        Tensor codes = at(device, "codes", DType.U32, format.packedWords(n), codesAt);
        Tensor metadata = at(device, "metadata", DType.F32, format.metadataElements(n), metadataAt);
        Tensor back = at(device, "back", DType.F32, n, xAt);
        Tensor flags = at(device, "flags", DType.U32, 1, 0);
        Tensor state = at(device, "state", DType.U32, 4, 4);
        state.upload(device.stream(), dev.sagitta.kernel.random.Random.words(SEED, STEP));
        run(device, Codec.stochastic(format, state, STREAM, x, codes, metadata, flags));
        run(device, Codec.unpack(format, codes, metadata, back));
        assertThat(codes.downloadInts(device.stream())).as("codes").isEqualTo(reference.words);
        assertThat(back.downloadFloats(device.stream())).as("decoded").isEqualTo(reference.decoded);
        float[] grids = metadata.downloadFloats(device.stream());
        for (int i = 0; i < grids.length; i++) {
            assertThat(Float.floatToIntBits(grids[i])).as("metadata %d", i).isEqualTo(reference.metadata[i]);
        }
        buffers.forEach(Buffer::close);
    }

    private static void run(CudaDevice device, Descriptor descriptor) {
        try (Step step = descriptor.prepare(device)) {
            step.enqueue(device.stream());
            device.stream().synchronize();
        }
    }

    /** A tensor {@code offset} bytes into an allocation. */
    private Tensor at(CudaDevice device, String name, DType dtype, long elements, int offset) {
        long bytes = elements * dtype.bytes();
        Buffer allocation = device.allocate(offset + bytes, MemoryCategory.OTHER, name);
        Buffer part = ShiftedSlice.of(allocation, offset, bytes, name);
        buffers.add(part);
        buffers.add(allocation);
        return new Tensor(name, part, dtype, Shape.of(elements));
    }
}
