package dev.sagitta.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** In a file system of the test's own, with files that are never loaded. */
class CudaLibrariesTest {
    private static final List<String> VERSIONS = List.of("12", "13");

    @TempDir
    Path root;

    private final Map<String, String> environment = new HashMap<>();

    @BeforeEach
    void realPath() throws IOException {
        root = root.toRealPath();
    }

    private Path file(String path) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.getParent());
        return Files.createFile(file);
    }

    private Path program(String path) throws IOException {
        Path program = file(path);
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
        return program;
    }

    private List<String> found(boolean everywhere) {
        return new CudaLibraries(environment, root, everywhere)
                .all("cublas", VERSIONS).stream()
                        .map(found -> root.relativize(found.file()).toString())
                        .collect(Collectors.toList());
    }

    @Test
    void placesAreSearchedInTheOrderThatTheDocumentationGives() throws IOException {
        program("env/bin/python3");
        program("opt/toolkit/bin/nvcc");
        environment.put("PATH", root.resolve("env/bin") + ":" + root.resolve("opt/toolkit/bin"));
        environment.put("SAGITTA_CUBLAS_DIR", root.resolve("named").toString());
        environment.put("LD_LIBRARY_PATH", ":relative:" + root.resolve("loader"));
        environment.put("CUDA_HOME", root.resolve("home").toString());
        file("etc/ld.so.conf.d/cuda.conf");
        Files.writeString(root.resolve("etc/ld.so.conf.d/cuda.conf"), "# CUDA\n/configured\n");
        List<String> expected = List.of(
                "named/libcublas.so.13",
                "loader/libcublas.so.13",
                "configured/libcublas.so.13",
                "usr/lib64/libcublas.so.13",
                "home/lib64/libcublas.so.13",
                "opt/toolkit/lib64/libcublas.so.13",
                "usr/local/cuda/lib64/libcublas.so.13",
                "usr/local/cuda-13.0/lib64/libcublas.so.13",
                "usr/local/cuda-12.6/lib64/libcublas.so.13",
                "env/lib/python3.12/site-packages/nvidia/cu13/lib/libcublas.so.13",
                "env/lib/python3.12/site-packages/nvidia/cublas/lib/libcublas.so.13");
        for (String path : expected) {
            file(path);
        }
        assertThat(found(true)).isEqualTo(expected);
        assertThat(found(false)).isEqualTo(expected.subList(0, 4));
    }

    @Test
    void version12GoesFirstWithinAPlaceAndAnEarlierPlaceBeforeIt() throws IOException {
        program("env/bin/python3");
        environment.put("PATH", root.resolve("env/bin").toString());
        String packages = "env/lib/python3.12/site-packages/nvidia/";
        file(packages + "cu13/lib/libcublas.so.13");
        file(packages + "cublas/lib/libcublas.so.12");
        assertThat(found(true))
                .containsExactly(packages + "cublas/lib/libcublas.so.12", packages + "cu13/lib/libcublas.so.13");
        file("usr/local/cuda/targets/" + (System.getProperty("os.arch").equals("amd64") ? "x86_64" : "sbsa")
                + "-linux/lib/libcublas.so.13");
        assertThat(found(true).get(0)).startsWith("usr/local/cuda/targets").endsWith("libcublas.so.13");
    }

    /** A virtual environment's python3 links to that of the installation, and a link on the path to the former. */
    @Test
    void linksToPythonAreFollowed() throws IOException {
        Path real = program("base/bin/python3.12");
        Path venv = Files.createDirectories(root.resolve("venv/bin")).resolve("python3");
        Files.createSymbolicLink(venv, real);
        Path link = Files.createDirectories(root.resolve("path")).resolve("python3");
        Files.createSymbolicLink(link, Path.of("../venv/bin/python3"));
        environment.put("PATH", root.resolve("path").toString());
        file("base/lib/python3.12/site-packages/nvidia/cublas/lib/libcublas.so.13");
        file("venv/lib/python3.12/site-packages/nvidia/cu13/lib/libcublas.so.13");
        assertThat(found(true))
                .containsExactly(
                        "venv/lib/python3.12/site-packages/nvidia/cu13/lib/libcublas.so.13",
                        "base/lib/python3.12/site-packages/nvidia/cublas/lib/libcublas.so.13");
    }

    @Test
    void aMessageNamesEveryPlace() throws IOException {
        Path folder = Files.createDirectories(root.resolve("usr/local/cuda/lib64"));
        environment.put("SAGITTA_CUBLAS_DIR", root.resolve("nowhere").toString());
        assertThat(new CudaLibraries(environment, root, true).searched("cublas"))
                .contains("the named folder (none)", "the loader's path (none)", "CUDA's folders (" + folder + ")")
                .contains("python3's packages (none)");
        assertThat(found(true)).isEmpty();
    }
}
