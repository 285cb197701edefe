package dev.sagitta.kernel;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.fixture.TestDevices;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every kernel case on every device; {@code -Dsagitta.test.kernels=REGEX} narrows it to the cases whose name has a match. */
@Tag("kernels")
class KernelSuiteTest {
    /** The case lists, one class per kernel file. */
    private static final List<List<KernelCase>> CASES = List.of(
            PointwiseCases.all(),
            ArithmeticCases.all(),
            BiasCases.all(),
            ReduceCases.all(),
            DotsCases.all(),
            QuantizeCases.all(),
            QMatmulCases.all(),
            RandomCases.all(),
            MaskCases.all(),
            CodecCases.all(),
            GemmCases.all(),
            CrossEntropyCases.all(),
            SquaredErrorCases.all(),
            EmbeddingCases.all(),
            OptimiserCases.all());

    private static final Pattern CHOSEN = Pattern.compile(System.getProperty("sagitta.test.kernels", ""));

    static Stream<Arguments> runs() {
        return TestDevices.names().stream().flatMap(device -> CASES.stream()
                .flatMap(List::stream)
                .filter(test -> test.small() || !TestDevices.small())
                .filter(test -> CHOSEN.matcher(test.name()).find())
                .map(test -> Arguments.of(device, test)));
    }

    @ParameterizedTest(name = "{1} on {0}")
    @MethodSource("runs")
    void kernel(String device, KernelCase test) {
        try (KernelBench bench =
                new KernelBench(TestDevices.get(device), test.name().hashCode())) {
            test.body().accept(bench);
        }
    }
}
