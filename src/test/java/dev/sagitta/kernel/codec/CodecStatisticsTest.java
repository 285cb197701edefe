package dev.sagitta.kernel.codec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.random.Random;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What stochastic rounding promises, over many steps of one seed: the mean is the value, the variance is step^2 p (1 - p), steps are independent. */
class CodecStatisticsTest {
    private static final int ELEMENTS = 1500;
    private static final int STEPS = 600;

    private final List<Tensor> tensors = new ArrayList<>();

    static Stream<Arguments> runs() {
        return TestDevices.names().stream().flatMap(device -> Stream.of(
                        new CodecFormat(1, 256, DType.F32),
                        new CodecFormat(2, 64, DType.BF16),
                        new CodecFormat(4, 256, DType.F32),
                        new CodecFormat(8, 512, DType.F32),
                        new CodecFormat(8, 256, DType.BF16))
                .map(format -> Arguments.of(device, format)));
    }

    private Tensor tensor(Device device, String name, DType dtype, long elements) {
        Tensor tensor = Tensor.allocate(device, MemoryCategory.OTHER, name, dtype, Shape.of(elements));
        tensors.add(tensor);
        return tensor;
    }

    @AfterEach
    void free() {
        tensors.forEach(tensor -> tensor.buffer().close());
    }

    @ParameterizedTest(name = "{1} on {0}")
    @MethodSource("runs")
    void meanIsTheValueAndVarianceTheFormula(String name, CodecFormat format) {
        Device device = TestDevices.get(name);
        dev.sagitta.device.Stream stream = device.stream();
        int n = ELEMENTS;
        Tensor x = tensor(device, "x", DType.F32, n);
        Tensor state = tensor(device, "state", DType.U32, 4);
        Tensor codes = tensor(device, "codes", DType.U32, format.packedWords(n));
        Tensor metadata = tensor(device, "metadata", format.metadata(), format.metadataElements(n));
        Tensor flags = tensor(device, "flags", DType.U32, 1);
        Tensor back = tensor(device, "back", DType.F32, n);
        float[] values = new float[n];
        java.util.Random random = new java.util.Random(7);
        for (int i = 0; i < n; i++) {
            values[i] = (float) random.nextGaussian();
        }
        x.upload(stream, values);
        state.upload(stream, Random.words(12345, 0));
        stream.fill(flags.buffer(), 0, 4, (byte) 0);

        double[] sum = new double[n];
        double[] squares = new double[n];
        double lagged = 0;
        float[] before = null;
        try (Step step = Step.sequence(List.of(
                Codec.stochastic(format, state, 3, x, codes, metadata, flags).prepare(device),
                Codec.unpack(format, codes, metadata, back).prepare(device),
                Random.advance(state).prepare(device)))) {
            for (int s = 0; s < STEPS; s++) {
                step.enqueue(stream);
                float[] decoded = back.downloadFloats(stream);
                for (int i = 0; i < n; i++) {
                    double error = (double) decoded[i] - values[i];
                    sum[i] += error;
                    squares[i] += error * error;
                    lagged += before == null ? 0 : error * ((double) before[i] - values[i]);
                }
                before = decoded;
            }
        }

        ByteBuffer stored = metadata.download(stream);
        double total = 0;
        double totalExpected = 0;
        for (int i = 0; i < n; i++) {
            double[] grid = grid(format, i, stored);
            double t = (values[i] - grid[0]) / grid[1];
            double p = t - Math.floor(t);
            double expected = grid[1] * grid[1] * p * (1 - p);
            // Bernstein's bound at six standard errors, and the bias of 16-bit noise and of fp32
            double interval = 6 * Math.sqrt(expected / STEPS) + 6 * grid[1] / STEPS + grid[1] * 0x1p-14;
            assertThat(Math.abs(sum[i] / STEPS))
                    .as("mean error of element %d", i)
                    .isLessThan(interval);
            total += squares[i] / STEPS;
            totalExpected += expected;
        }
        assertThat(total).isCloseTo(totalExpected, org.assertj.core.data.Percentage.withPercentage(2));
        assertThat(Math.abs(lagged / STEPS))
                .as("covariance of neighbouring steps")
                .isLessThan(totalExpected * 0.02);
    }

    /** Minimum and step of the element's group. */
    private static double[] grid(CodecFormat format, int element, ByteBuffer metadata) {
        int g = element / format.group();
        if (format.metadata() == DType.F32) {
            return new double[] {metadata.getFloat(8 * g), metadata.getFloat(8 * g + 4)};
        }
        return new double[] {
            Float.intBitsToFloat(metadata.getShort(4 * g) << 16),
            Float.intBitsToFloat(metadata.getShort(4 * g + 2) << 16)
        };
    }
}
