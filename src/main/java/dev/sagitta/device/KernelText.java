package dev.sagitta.device;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads kernel files from the class path and inlines their includes, each once, with {@code #line} marks so that compiler messages name
 * the file that a person would open. Both run-time compilers (OpenCL, NVRTC) are given one text.
 */
public final class KernelText {
    private static final String ROOT = "/dev/sagitta/kernels/";
    private static final Pattern INCLUDE = Pattern.compile("\\s*#\\s*include\\s*\"([^\"]+)\"\\s*");

    private static final Pattern IFNDEF = Pattern.compile("\\s*#\\s*ifndef\\s+(\\w+).*");
    /** A value ends at a comment. */
    private static final Pattern DEFINE = Pattern.compile("\\s*#\\s*define\\s+(\\w+)\\s+(\\S.*?)\\s*(?:/[*/].*)?");

    private KernelText() {}

    /** The text of {@code path}, relative to {@code kernels/}, includes inlined. */
    public static String read(String path) {
        StringBuilder text = new StringBuilder();
        append(path, text, new HashSet<>());
        return text.toString();
    }

    /** Whether there is such a file. */
    public static boolean exists(String path) {
        return KernelText.class.getResource(ROOT + path) != null;
    }

    /** The constants that {@code path} and its includes define unless told otherwise: {@code #ifndef X}, then {@code #define X value}. */
    public static Map<String, String> defaults(String path) {
        Map<String, String> defaults = new TreeMap<>();
        String guarded = null;
        for (String line : (Iterable<String>) read(path).lines()::iterator) {
            Matcher define = DEFINE.matcher(line);
            if (guarded != null && define.matches() && define.group(1).equals(guarded)) {
                defaults.put(guarded, define.group(2));
            }
            Matcher ifndef = IFNDEF.matcher(line);
            guarded = ifndef.matches() ? ifndef.group(1) : null;
        }
        return defaults;
    }

    private static void append(String path, StringBuilder text, Set<String> seen) {
        if (!seen.add(path)) {
            return;
        }
        text.append("#line 1 \"").append(path).append("\"\n");
        int number = 0;
        for (String line : (Iterable<String>) load(path).lines()::iterator) {
            number++;
            Matcher include = INCLUDE.matcher(line);
            if (include.matches()) {
                append(include.group(1), text, seen);
                text.append("#line ")
                        .append(number + 1)
                        .append(" \"")
                        .append(path)
                        .append("\"\n");
            } else {
                text.append(line).append('\n');
            }
        }
    }

    private static String load(String path) {
        try (InputStream in = KernelText.class.getResourceAsStream(ROOT + path)) {
            if (in == null) {
                throw new KernelBuildException("kernel file '" + path + "' is not on the class path under " + ROOT
                        + "; check the stem in the descriptor and that the jar holds kernels/");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new KernelBuildException("kernel file '" + path + "' cannot be read: " + e.getMessage());
        }
    }
}
