package dev.sagitta.kernel;

import dev.sagitta.device.DeviceKind;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.fixture.TestDevices;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The cases of one kernel file on every device. One class per file, so that the suite's JVMs share them out; {@code
 * -Dsagitta.test.kernels=REGEX} narrows all of them to the cases whose name has a match.
 */
@Tag("kernels")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class KernelSuite {
    private static final Pattern CHOSEN = Pattern.compile(System.getProperty("sagitta.test.kernels", ""));

    protected abstract List<KernelCase> cases();

    /** Whether a device has kernels of this file: all, unless it is of one dialect alone. */
    protected boolean runsOn(DeviceKind kind) {
        return true;
    }

    /** Whether Oclgrind runs the text for CPUs as it is meant. */
    protected boolean isInterpretedOnCpus() {
        return true;
    }

    Stream<Arguments> runs() {
        List<KernelCase> chosen = cases().stream()
                .filter(test -> test.small() || !TestDevices.small())
                .filter(test -> CHOSEN.matcher(test.name()).find())
                .toList();
        return TestDevices.names().stream()
                .filter(name -> isInterpretedOnCpus() || !name.equals(TestDevices.INTERPRETED_CPU))
                .filter(name -> runsOn(TestDevices.get(name).kind()))
                .flatMap(device -> chosen.stream().map(test -> Arguments.of(device, test)));
    }

    // no cases: none of this file has a name that was chosen
    @ParameterizedTest(name = "{1} on {0}", allowZeroInvocations = true)
    @MethodSource("runs")
    void kernel(String device, KernelCase test) {
        try (KernelBench bench =
                new KernelBench(TestDevices.get(device), test.name().hashCode())) {
            test.body().accept(bench);
        }
    }
}
