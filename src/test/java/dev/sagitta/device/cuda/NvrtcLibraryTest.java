package dev.sagitta.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.KernelBuildException;
import dev.sagitta.fixture.ChildJvm;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How NVRTC is found, each time in a process of its own. */
class NvrtcLibraryTest {
    private static final Path STAND_IN = Path.of("native/nvrtc13/build/test/libnvrtc.so.13");

    @TempDir
    Path folder;

    @Test
    void nvrtc13ServesByTheShim() {
        assumeTrue(Files.exists(STAND_IN), "native/nvrtc13 was not built: no g++");
        Path named = STAND_IN.toAbsolutePath().getParent();
        String output = ChildJvm.run(
                Map.of(), List.of("-Dsagitta.cuda.search=false", "-Dsagitta.nvrtc.dir=" + named), Main.class);
        assertThat(output)
                .contains("NVRTC 13.0, in " + named + " (the named folder)")
                .contains("option --gpu-architecture=sm_90a", "option -DUNROLL=3", "source arrived")
                .contains("option --gpu-architecture=compute_90")
                .contains("NVRTC_ERROR_COMPILATION\nloss/loss_sum.gpu.cl(1): error: told to fail");
    }

    /** As it lies where PyTorch is installed: in no folder of the loader's, beside the python3 on the path. */
    @Test
    void nvrtc13IsFoundInPythonsPackages() throws IOException {
        assumeTrue(Files.exists(STAND_IN), "native/nvrtc13 was not built: no g++");
        Path python = Files.createDirectories(folder.resolve("bin")).resolve("python3");
        Files.createFile(python);
        assertThat(python.toFile().setExecutable(true)).isTrue();
        Path packages = Files.createDirectories(folder.resolve("lib/python3.12/site-packages/nvidia/cu13/lib"));
        Files.copy(STAND_IN, packages.resolve("libnvrtc.so.13"));
        String output = ChildJvm.run(
                Map.of(
                        "PATH",
                        folder.resolve("bin").toString(),
                        "CUDA_HOME",
                        "",
                        "CUDA_PATH",
                        "",
                        "LD_LIBRARY_PATH",
                        ""),
                List.of(),
                Main.class);
        assumeTrue(!output.contains("(the loader's path)") && !output.contains("(CUDA's folders)"), "a CUDA toolkit");
        assertThat(output).contains("NVRTC 13.0, in " + packages + " (python3's packages)");
    }

    @Test
    void withoutNvrtcTheMessageSaysWhereItWasSought() {
        String output = ChildJvm.run(
                Map.of("LD_LIBRARY_PATH", folder.toString()), List.of("-Dsagitta.cuda.search=false"), Main.class);
        assumeTrue(output.contains("no NVRTC"), "NVRTC 12 is on the loader's path");
        assertThat(output).contains("libnvrtc.so.12", "libnvrtc.so.13", folder.toString());
    }

    /** The child. */
    static final class Main {
        public static void main(String[] args) {
            System.out.println(Nvrtc.LIBRARY);
            if (Nvrtc.PROBLEM != null) {
                return;
            }
            for (int computeCapability : new int[] {90, 91}) {
                String text = new String(
                        Nvrtc.compile("loss/loss_sum.gpu.cl", Map.of("UNROLL", "3"), computeCapability),
                        StandardCharsets.UTF_8);
                text.lines()
                        .takeWhile(line -> line.startsWith("-"))
                        .forEach(line -> System.out.println("option " + line));
                System.out.println(text.contains("__global__") ? "source arrived" : "no source");
            }
            try {
                Nvrtc.compile("loss/loss_sum.gpu.cl", Map.of("FAIL", "1"), 90);
            } catch (KernelBuildException e) {
                System.out.println(e.getMessage());
            }
        }
    }
}
