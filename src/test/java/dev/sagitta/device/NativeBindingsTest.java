package dev.sagitta.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.fixture.TestDevices;
import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** JCuda and JOCL load their libraries from a folder that no other process knows. */
class NativeBindingsTest {
    private static final String JCUDA = "libJCudaDriver-12.6.0-linux-x86_64.so";
    private static final String JOCL = "libJOCL_2_0_6-linux-x86_64.so";
    private static final String JCUBLAS = "libJCublas2-12.6.0-linux-x86_64.so";

    @TempDir
    Path folder;

    /** Prints the devices; then whether java.io.tmpdir is as it was. */
    static final class ListDevices {
        public static void main(String[] arguments) {
            String before = System.getProperty("java.io.tmpdir");
            System.out.println("devices "
                    + Devices.list().stream().map(DeviceInfo::id).toList()
                    + " problems " + Devices.problems()
                    + Devices.list().stream()
                            .map(Devices::libraries)
                            .flatMap(List::stream)
                            .map(library -> " " + library)
                            .collect(Collectors.joining())
                    + " same " + before.equals(System.getProperty("java.io.tmpdir")));
        }
    }

    private List<String> together(int count, Path temporary) throws Exception {
        return together(count, temporary, System.getProperty("java.class.path"));
    }

    private List<String> together(int count, Path temporary, String classPath) throws Exception {
        List<Process> processes = new ArrayList<>();
        List<Path> outputs = new ArrayList<>();
        try {
            for (int i = 0; i < count; i++) {
                outputs.add(folder.resolve("output-" + i));
                processes.add(new ProcessBuilder(
                                System.getProperty("java.home") + "/bin/java",
                                "-Xmx64m",
                                "-XX:+UseSerialGC",
                                "-XX:TieredStopAtLevel=1",
                                "-Djava.io.tmpdir=" + temporary,
                                "-cp",
                                classPath,
                                ListDevices.class.getName())
                        .redirectErrorStream(true)
                        .redirectOutput(outputs.get(i).toFile())
                        .start());
            }
            List<String> lines = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                assertThat(processes.get(i).waitFor(120, TimeUnit.SECONDS)).isTrue();
                String output = Files.readString(outputs.get(i));
                assertThat(processes.get(i).exitValue()).as(output).isZero();
                lines.add(output.strip());
            }
            return lines;
        } finally {
            processes.forEach(Process::destroyForcibly);
        }
    }

    /** What such a program finds when it starts alone; on some machines that is less than this process finds, whose environment is another. */
    private String alone() throws Exception {
        String line =
                together(1, Files.createDirectory(folder.resolve("alone"))).get(0);
        assertThat(line).startsWith("devices [").doesNotStartWith("devices []");
        return line;
    }

    @Test
    void programsThatStartTogetherAllFindTheDevices() throws Exception {
        Path temporary = Files.createDirectory(folder.resolve("empty"));
        assertThat(together(10, temporary)).containsOnly(alone()).allSatisfy(line -> assertThat(line)
                .endsWith("same true"));
        assertThat(temporary).as("nothing is left behind").isEmptyDirectory();
    }

    @Test
    void aFileThatLiesUnderTheExpectedNameIsNotLoaded() throws Exception {
        assumeTrue(!TestDevices.names().isEmpty());
        Path temporary = Files.createDirectory(folder.resolve("planted"));
        Files.writeString(temporary.resolve(JCUDA), "planted");
        Files.writeString(temporary.resolve(JOCL), "planted");
        Files.writeString(temporary.resolve(JCUBLAS), "planted");
        String line = together(1, temporary).get(0);
        assertThat(line).isEqualTo(alone()).endsWith("same true").doesNotContain("invalid ELF", JCUBLAS);
        assertThat(temporary.resolve(JCUDA)).hasContent("planted");
        assertThat(temporary.resolve(JOCL)).hasContent("planted");
    }

    @Test
    void aFolderThatCannotBeWrittenIsOneLineWithTheRemedy() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "not a folder");
        String line = together(1, file).get(0);
        assertThat(line)
                .startsWith("devices [] problems [")
                .contains("cuda: CUDA cannot be used (native libraries cannot be unpacked to " + file)
                .contains("opencl: OpenCL cannot be used (native libraries cannot be unpacked to " + file)
                .contains("); point -Djava.io.tmpdir at a folder that may be written")
                .doesNotContain("install")
                .doesNotContain("\n");
    }

    /** A {@link NoClassDefFoundError} is a LinkageError too: a program that leaves a binding out loses that back end, no more. */
    @Test
    void aBindingThatIsNotOnTheClassPathIsOneLine() throws Exception {
        Path temporary = Files.createDirectory(folder.resolve("without"));
        String without = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !Path.of(entry).getFileName().toString().matches("(jocl|jcuda|jcublas)-.*"))
                .collect(Collectors.joining(File.pathSeparator));
        assertThat(together(1, temporary, without).get(0))
                .startsWith("devices [] problems [")
                .contains("cuda: CUDA cannot be used (", "opencl: OpenCL cannot be used (", "jcuda", "jocl")
                .endsWith("same true")
                .doesNotContain("\n");
    }

    @Test
    void theFolderIsTheOwnersAloneAndGoneAfterwards() throws Exception {
        String before = System.getProperty("java.io.tmpdir");
        Path[] seen = new Path[1];
        NativeBindings.load(() -> {
            try {
                seen[0] = Path.of(System.getProperty("java.io.tmpdir"));
                assertThat(seen[0]).isEmptyDirectory();
                if (FileSystems.getDefault().supportedFileAttributeViews().contains("posix")) {
                    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(seen[0])))
                            .isEqualTo("rwx------");
                }
                Files.writeString(seen[0].resolve("library.so"), "x");
                File elsewhere = File.createTempFile("any", null);
                Path too = Files.createTempFile("any", null);
                assertThat(elsewhere.getParent()).isEqualTo(before);
                assertThat(too.getParent()).isEqualTo(Path.of(before));
                Files.delete(elsewhere.toPath());
                Files.delete(too);
            } catch (java.io.IOException e) {
                throw new AssertionError(e);
            }
        });
        assertThat(seen[0]).doesNotExist();
        assertThat(System.getProperty("java.io.tmpdir")).isEqualTo(before);
    }

    @Test
    void whatTheFolderIsToBlameForSaysSo() {
        assertThatThrownBy(() -> NativeBindings.load(() -> {
                    throw new UnsatisfiedLinkError("Error\n x.so: failed to map segment from shared object\n");
                }))
                .isInstanceOf(UnsatisfiedLinkError.class)
                .hasMessageContaining("mounted noexec; point -Djava.io.tmpdir");
        assertThatThrownBy(() -> NativeBindings.load(() -> {
                    throw new UnsatisfiedLinkError("Error\n java.io.IOException: No space left on device\n");
                }))
                .isInstanceOf(UnsatisfiedLinkError.class)
                .hasMessageContaining("which is full; point -Djava.io.tmpdir");
        UnsatisfiedLinkError other = new UnsatisfiedLinkError("libcuda.so.1: cannot open shared object file");
        assertThatThrownBy(() -> NativeBindings.load(() -> {
                    throw other;
                }))
                .isSameAs(other);
    }

    @Test
    void theThreadsClassLoaderDoesNotMatter() {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        List<DeviceInfo> expected = Devices.list();
        try {
            thread.setContextClassLoader(ClassLoader.getPlatformClassLoader());
            assertThat(Devices.list()).isEqualTo(expected);
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    /** A library of one name loads once per class loader; a file, only once. */
    @Test
    void aSecondClassLoaderHasItsOwnNatives() throws Exception {
        List<URL> urls = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            urls.add(Path.of(entry).toUri().toURL());
        }
        try (URLClassLoader second =
                new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
            Class<?> devices = second.loadClass(Devices.class.getName());
            assertThat(devices).isNotSameAs(Devices.class);
            assertThat(devices.getMethod("list").invoke(null))
                    .hasToString(Devices.list().toString());
        }
    }
}
