package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sagitta.device.DeviceInfo;
import dev.sagitta.device.Devices;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class DevicesCommandTest {
    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        CommandLine command = Main.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        return command.execute(arguments);
    }

    @Test
    void listsEveryDeviceWithItsFacts() {
        assertThat(run("devices", "--no-measure")).isZero();
        for (DeviceInfo info : Devices.list()) {
            assertThat(out.toString())
                    .contains(info.id())
                    .contains(info.name())
                    .contains(info.driver())
                    .contains(info.computeUnits() + " compute units");
        }
    }

    /** Found or not, and where: what a device's figures and run-time compilation depend on. */
    @Test
    void namesTheVendorsLibraries() throws Exception {
        assertThat(run("devices", "--no-measure", "--json")).isZero();
        for (JsonNode device : new ObjectMapper().readTree(out.toString()).get("devices")) {
            if (!device.get("kind").asText().equals("CUDA")) {
                assertThat(device.get("libraries")).isEmpty();
                continue;
            }
            assertThat(device.get("libraries"))
                    .extracting(library -> library.get("name").asText())
                    .containsExactly("cuBLAS", "cuBLASLt", "NVRTC");
            for (JsonNode library : device.get("libraries")) {
                if (library.get("problem").isNull()) {
                    assertThat(library.get("version").asText()).matches("[0-9]+(\\.[0-9]+)+");
                    assertThat(library.get("place").asText()).isNotEmpty();
                } else {
                    assertThat(library.get("version").isNull()).isTrue();
                    assertThat(library.get("problem").asText()).isNotEmpty();
                }
            }
        }
    }

    @Test
    void measuresCopyAndGemm() throws Exception {
        assertThat(run("devices", "--json")).isZero();
        JsonNode devices = new ObjectMapper().readTree(out.toString()).get("devices");
        assertThat(devices).hasSize(Devices.list().size());
        for (JsonNode device : devices) {
            boolean simulated = device.get("name").asText().equals("Simulated CUDA");
            assertThat(device.get("copy_bytes_per_second").isNull())
                    .as("never reported of the simulation")
                    .isEqualTo(simulated);
            if (!simulated) {
                assertThat(device.path("problem").asText()).isEmpty();
                assertThat(device.get("copy_bytes_per_second").asDouble()).isBetween(1e8, 1e14);
                assertThat(device.get("gemm_f32_flops_per_second").asDouble()).isBetween(1e8, 1e16);
            }
        }
    }

    @Test
    void writesJsonToAFile() throws Exception {
        Path file = folder.resolve("devices.json");
        assertThat(run("devices", "--no-measure", "--json", file.toString())).isZero();
        assertThat(new ObjectMapper().readTree(file.toFile()).get("devices").isArray())
                .isTrue();
        assertThat(out.toString()).as("the table still goes to stdout").contains("compute units");
        assertThat(folder).isDirectoryNotContaining(path -> path.toString().endsWith(".new"));
        assertThat(Files.readString(file)).endsWith("}\n");
    }

    @Test
    void wrongUsageIsTwoAndFailureIsOne() {
        assertThat(run("devices", "--no-such-option")).isEqualTo(2);
        assertThat(run(
                        "devices",
                        "--no-measure",
                        "--json",
                        folder.resolve("missing/devices.json").toString()))
                .isEqualTo(1);
        assertThat(err.toString()).contains("sagitta devices: ");
    }
}
