package dev.sagitta.kernel;

import dev.sagitta.device.KernelText;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The entries of a kernel file after preprocessing, with their arguments in one spelling for both dialects. */
public final class KernelSignatures {
    private static final String QUALIFIERS =
            "\\b(extern\\s*\"C\"|static|inline|__launch_bounds__\\s*\\([^)]*\\)|__attribute__\\s*\\(\\((?:[^()]|\\([^()]*\\))*\\)\\))\\s*";
    private static final Pattern ENTRY =
            Pattern.compile("\\b(?:__global__|__kernel|kernel)\\s+void\\s+(\\w+)\\s*\\(([^)]*)\\)");
    private static final Pattern ARGUMENT = Pattern.compile(
            "\\b(?:const|volatile|restrict|__restrict__|__restrict|__global|global|__constant|constant)\\b");

    private KernelSignatures() {}

    /** Entry name to arguments, such as {@code [f32* x, i64 n]}. */
    public static Map<String, List<String>> of(String path, boolean openCl) {
        // without its system includes, a file consists of our own text only
        String text = KernelText.read(path).replaceAll("(?m)^\\s*#\\s*include\\s*<.*$", "");
        String expanded = preprocess(text, openCl).replaceAll(QUALIFIERS, " ");
        Map<String, List<String>> entries = new TreeMap<>();
        Matcher matcher = ENTRY.matcher(expanded);
        while (matcher.find()) {
            List<String> arguments = new ArrayList<>();
            if (!matcher.group(2).isBlank()) {
                for (String argument : matcher.group(2).split(",")) {
                    arguments.add(normalise(argument));
                }
            }
            entries.put(matcher.group(1), arguments);
        }
        return entries;
    }

    private static String normalise(String argument) {
        String plain = ARGUMENT.matcher(argument)
                .replaceAll(" ")
                .replace("*", " * ")
                .strip()
                .replaceAll("\\s+", " ");
        return plain.replace(" * ", "* ");
    }

    private static String preprocess(String text, boolean openCl) {
        Path input = null;
        try {
            input = Files.createTempFile("kernel", ".cpp");
            Files.writeString(input, text);
            List<String> command = new ArrayList<>(List.of("g++", "-E", "-P", "-undef", "-x", "c++"));
            command.addAll(
                    openCl
                            ? List.of("-D__OPENCL_VERSION__=120", "-DSG_CPU=1")
                            : List.of("-D__CUDACC__=1", "-D__CUDA_ARCH__=800"));
            command.add(input.toString());
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(60, TimeUnit.SECONDS) || output.isEmpty()) {
                throw new AssertionError("g++ -E says nothing");
            }
            return output;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        } finally {
            if (input != null) {
                input.toFile().delete();
            }
        }
    }

    /** {@code CUDA_ONLY entry, entry: served by other} in a file's header: entries without a twin, and what stands in for them. */
    static Map<String, String> alone(String path, String marker) {
        Map<String, String> alone = new TreeMap<>();
        Matcher matcher = Pattern.compile(marker + "\\s+([\\w\\s,]+):\\s*served by\\s+(\\w+)")
                .matcher(KernelText.read(path));
        while (matcher.find()) {
            for (String entry : matcher.group(1).split("[\\s,]+")) {
                alone.put(entry, matcher.group(2));
            }
        }
        return alone;
    }

    /** Family and stem of every kernel file with one of these suffixes. */
    static List<String> files(String suffix) {
        Path kernels = Path.of("kernels");
        try (var files = Files.walk(kernels)) {
            return files.map(path -> kernels.relativize(path).toString())
                    .filter(name -> name.endsWith(suffix) && !name.startsWith("lib/"))
                    .map(name -> name.substring(0, name.length() - suffix.length()))
                    .filter(name -> !name.contains("."))
                    .sorted()
                    .collect(Collectors.toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
