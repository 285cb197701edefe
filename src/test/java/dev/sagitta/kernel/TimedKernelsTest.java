package dev.sagitta.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What the benchmark times, small, between guards and against the same references. */
@Tag("kernels")
class TimedKernelsTest {
    private static final Pattern CHOSEN = Pattern.compile(System.getProperty("sagitta.test.kernels", ""));

    static Stream<Arguments> runs() {
        List<TimedCase> cases = TestDevices.small()
                ? List.of()
                : TimedCases.on(false, false).values().stream()
                        .filter(one -> CHOSEN.matcher(one.name()).find())
                        .toList();
        return cases.stream().flatMap(one -> TestDevices.names().stream().map(device -> Arguments.of(device, one)));
    }

    @ParameterizedTest(name = "{1} on {0}", allowZeroInvocations = true)
    @MethodSource("runs")
    void isRight(String device, TimedCase timed) {
        try (KernelBench bench =
                new KernelBench(TestDevices.get(device), timed.name().hashCode())) {
            timed.body().accept(bench);
        }
    }

    @Test
    void everyFamilyIsTimed() {
        assertThat(TimedCases.all().keySet()).contains("empty", "sum", "pack4", "dropout", "sgd", "gemm_own_bf16_8192");
    }
}
