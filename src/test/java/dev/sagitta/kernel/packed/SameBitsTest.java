package dev.sagitta.kernel.packed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.codec.Codec;
import dev.sagitta.kernel.codec.CodecFormat;
import dev.sagitta.kernel.random.Random;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Random numbers, codes, metadata, variances and decoded values are the same on every device, and stay what they were when this was written. */
class SameBitsTest {
    /** Chained over the devices' outputs; a change means that old packed data and old seeds no longer give the same numbers. */
    private static final Map<String, Integer> EXPECTED = Map.of(
            "normal", 148576522,
            "uniform", 1285384722,
            "pack 1", -969497190,
            "pack 2", -944882372,
            "pack 4", 287365302,
            "pack 8", -130440481);

    @Test
    void everyDeviceGivesTheSameBits() {
        for (String name : TestDevices.names()) {
            assertThat(hashes(TestDevices.get(name))).as(name).isEqualTo(EXPECTED);
        }
    }

    private static Map<String, Integer> hashes(Device device) {
        int n = 50_021;
        List<Tensor> tensors = new ArrayList<>();
        Map<String, Integer> hashes = new LinkedHashMap<>();
        Stream stream = device.stream();
        Tensor state = tensor(tensors, device, DType.U32, 4);
        state.upload(stream, Random.words(0x5EED_5EED_5EEDL, 99));
        Tensor x = tensor(tensors, device, DType.F32, n);
        Tensor y = tensor(tensors, device, DType.F32, n);
        Tensor flags = tensor(tensors, device, DType.U32, 1);
        run(device, Random.uniform(state, 1, y));
        hashes.put("uniform", hash(stream, y));
        run(device, Random.normal(state, 2, x));
        hashes.put("normal", hash(stream, x));
        for (int bits : new int[] {1, 2, 4, 8}) {
            CodecFormat format = new CodecFormat(bits, 128, bits == 2 ? DType.BF16 : DType.F32);
            Tensor codes = tensor(tensors, device, DType.U32, format.packedWords(n));
            Tensor metadata = tensor(tensors, device, format.metadata(), format.metadataElements(n));
            Tensor variance = tensor(tensors, device, DType.F32, 1);
            Tensor segments = tensor(tensors, device, DType.F32, format.segments(1, n));
            run(
                    device,
                    Codec.stochastic(format, state, 3, x, codes, metadata, flags)
                            .withVariance(segments, n));
            run(device, Codec.rowVariance(format, segments, n, variance));
            run(device, Codec.unpack(format, codes, metadata, y));
            hashes.put("pack " + bits, hash(stream, codes, metadata, variance, y));
        }
        tensors.forEach(tensor -> tensor.buffer().close());
        return hashes;
    }

    private static Tensor tensor(List<Tensor> tensors, Device device, DType dtype, long elements) {
        tensors.add(Tensor.allocate(device, MemoryCategory.OTHER, "t" + tensors.size(), dtype, Shape.of(elements)));
        return tensors.get(tensors.size() - 1);
    }

    private static void run(Device device, Descriptor descriptor) {
        try (Step step = descriptor.prepare(device)) {
            step.enqueue(device.stream());
            device.stream().synchronize();
        }
    }

    private static int hash(Stream stream, Tensor... tensors) {
        int hash = 1;
        for (Tensor tensor : tensors) {
            hash = 31 * hash + tensor.download(stream).hashCode();
        }
        return hash;
    }
}
