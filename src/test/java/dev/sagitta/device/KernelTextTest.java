package dev.sagitta.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.TestDevices;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class KernelTextTest {
    /** What the compiler may leave out does not count as included. */
    @Test
    void anIncludeInABranchIsInlinedAgainWhereItIsCertain() {
        List<String> lines = KernelText.read("test/conditional.cl").lines().toList();
        assertThat(lines).filteredOn("#ifndef SG_CONDITIONAL_INNER_H"::equals).hasSize(2);
        assertThat(lines.indexOf("#endif")).isLessThan(lines.lastIndexOf("#define INNER 3.0f"));
        // for certain once: the second one of the file adds nothing
        assertThat(lines).filteredOn(line -> line.startsWith("#include \"")).isEmpty();
    }

    @Test
    void aKernelCompilesThoughABranchThatIsNotTakenHadTheHeaderFirst() {
        for (String name : TestDevices.names()) {
            Device device = TestDevices.get(name);
            if (device.kind() != DeviceKind.CUDA) {
                KernelSource source = KernelSource.of("test/conditional", "conditional");
                try (Buffer y = device.allocate(4, MemoryCategory.DATA, "y");
                        Launch launch = device.prepare(source, Geometry.linear(1, 1), new Arguments().buffer(y))) {
                    device.stream().launch(launch);
                    ByteBuffer host = ByteBuffer.allocateDirect(4).order(ByteOrder.nativeOrder());
                    device.stream().download(host, y, 0);
                    assertThat(host.getFloat(0)).isEqualTo(3);
                }
            }
        }
    }

    /** Guards follow from paths and none is used twice, so that no header hides another. */
    @Test
    @Tag("tree")
    void guardsAreNamedAfterTheirFiles() throws IOException {
        Map<String, String> files = new TreeMap<>();
        Path kernels = Path.of("kernels");
        try (Stream<Path> walk = Files.walk(kernels)) {
            for (Path header :
                    walk.filter(path -> path.toString().matches(".*\\.(h|cuh)")).toList()) {
                String text = Files.readString(header);
                String path = kernels.relativize(header)
                        .toString()
                        .replaceAll("[/.]", "_")
                        .toUpperCase(java.util.Locale.ROOT);
                String guard = text.lines()
                        .filter(line -> line.startsWith("#"))
                        .findFirst()
                        .orElse("")
                        .replace("#ifndef SG_", "");
                assertThat(guard).as("%s: SG_ and its path", header).isEqualTo(path);
                assertThat(text).as("%s", header).contains("#define SG_" + guard + "\n");
                assertThat(files.put(guard, header.toString()))
                        .as("guard of %s", header)
                        .isNull();
            }
        }
        assertThat(files).isNotEmpty();
    }
}
