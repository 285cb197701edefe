package dev.sagitta.cli.demo;

import dev.sagitta.device.KernelText;
import dev.sagitta.io.file.DataException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/**
 * The project's own text: sources and documents under the folder that the launcher names, or, where there is no source tree, the kernel
 * sources on the class path.
 *
 * @param files in a fixed order
 * @param temporary holds the text of kernels that came out of a jar: deleted on closing; or null
 */
record DemoText(List<Path> files, Path temporary) implements AutoCloseable {
    /** Set by the launcher to its own folder. */
    static final String HOME = "sagitta.home";

    private static final List<String> FOLDERS = List.of("src", "kernels", "native", "jmh/src", "examples", "docs");
    private static final List<String> SUFFIXES = List.of("java", "cu", "cuh", "cl", "h", "c", "cpp", "md");
    /** What a build leaves behind. */
    private static final List<String> BUILT = List.of("target", "build");

    private static final String KERNELS = "dev/sagitta/kernels";

    static DemoText find() {
        String home = System.getProperty(HOME);
        if (home != null && Files.isDirectory(Path.of(home, "kernels"))) {
            List<Path> files = sources(Path.of(home));
            if (!files.isEmpty()) {
                return new DemoText(files, null);
            }
        }
        return ofKernels();
    }

    private static List<Path> sources(Path home) {
        List<Path> files = new ArrayList<>(texts(home, 1));
        for (String folder : FOLDERS) {
            files.addAll(texts(home.resolve(folder), Integer.MAX_VALUE));
        }
        return files;
    }

    /** Sorted by path, so that every machine reads the same text. */
    private static List<Path> texts(Path folder, int depth) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> walk = Files.walk(folder, depth)) {
            return walk.filter(file -> isText(folder.relativize(file)) && Files.isRegularFile(file))
                    .sorted((a, b) -> a.toString().compareTo(b.toString()))
                    .toList();
        } catch (IOException e) {
            throw new DataException("cannot list " + folder + ": " + e.getMessage(), e);
        } catch (UncheckedIOException e) {
            throw new DataException(
                    "cannot list " + folder + ": " + e.getCause().getMessage(), e);
        }
    }

    private static boolean isText(Path file) {
        for (Path part : file) {
            if (BUILT.contains(part.toString())) {
                return false;
            }
        }
        String name = file.toString();
        return SUFFIXES.contains(name.substring(name.lastIndexOf('.') + 1));
    }

    private static DemoText ofKernels() {
        URL folder = KernelText.class.getClassLoader().getResource(KERNELS);
        if (folder == null) {
            throw new DataException("there are no sources beside the program; give a text: --text FILE");
        }
        try {
            if (!(folder.openConnection() instanceof JarURLConnection connection)) {
                return new DemoText(texts(Path.of(folder.toURI()), Integer.MAX_VALUE), null);
            }
            byte[] text = kernels(connection.getJarFile());
            Path file = Files.createTempFile("sagitta-demo", ".txt");
            DemoText copy = new DemoText(List.of(file), file);
            try {
                Files.write(file, text);
                return copy;
            } catch (IOException e) {
                copy.close();
                throw e;
            }
        } catch (IOException | URISyntaxException e) {
            throw new DataException("cannot read the kernel sources in " + folder + ": " + e.getMessage(), e);
        }
    }

    /** By hand: not every run-time image has a file system for jars. */
    private static byte[] kernels(JarFile jar) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        List<JarEntry> entries = jar.stream()
                .filter(entry -> entry.getName().startsWith(KERNELS) && isText(Path.of(entry.getName())))
                .sorted(Comparator.comparing(JarEntry::getName))
                .toList();
        for (JarEntry entry : entries) {
            try (InputStream in = jar.getInputStream(entry)) {
                in.transferTo(all);
            }
        }
        return all.toByteArray();
    }

    @Override
    public void close() {
        if (temporary != null) {
            try {
                Files.deleteIfExists(temporary);
            } catch (IOException e) {
                System.getLogger(DemoText.class.getName())
                        .log(System.Logger.Level.WARNING, "cannot remove " + temporary + ": " + e.getMessage());
            }
        }
    }
}
