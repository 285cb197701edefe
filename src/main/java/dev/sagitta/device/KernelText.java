package dev.sagitta.device;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads kernel files from the class path and inlines their includes with {@code #line} marks, so that compiler messages name the file that a
 * person would open. Both run-time compilers (OpenCL, NVRTC) are given one text.
 *
 * <p>An include is inlined once, where it first stands for certain. One that stands in a conditional may be left out by the compiler, so it
 * does not count: a later one is inlined again, and the header's guard sees to it that it is compiled once. A file's own guard is no such
 * conditional.
 */
public final class KernelText {
    private static final String ROOT = "/dev/sagitta/kernels/";
    private static final Pattern INCLUDE = Pattern.compile("\\s*#\\s*include\\s*\"([^\"]+)\"\\s*");

    private static final Pattern IFNDEF = Pattern.compile("\\s*#\\s*ifndef\\s+(\\w+).*");
    private static final Pattern IF = Pattern.compile("\\s*#\\s*if(n?def)?\\b");
    private static final Pattern ENDIF = Pattern.compile("\\s*#\\s*endif\\b");
    /** A value ends at a comment. */
    private static final Pattern DEFINE = Pattern.compile("\\s*#\\s*define\\s+(\\w+)\\s+(\\S.*?)\\s*(?:/[*/].*)?");

    private KernelText() {}

    /** The text of {@code path}, relative to {@code kernels/}, includes inlined. */
    public static String read(String path) {
        StringBuilder text = new StringBuilder();
        append(path, text, new HashSet<>(), new HashSet<>(), false);
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

    /**
     * @param seen files inlined for certain
     * @param open files that this one stands in
     * @param uncertain whether it stands in a conditional
     */
    private static void append(String path, StringBuilder text, Set<String> seen, Set<String> open, boolean uncertain) {
        if (seen.contains(path) || open.contains(path)) {
            return;
        }
        if (!uncertain) {
            seen.add(path);
        }
        open.add(path);
        text.append("#line 1 \"").append(path).append("\"\n");
        List<String> lines = load(path).lines().toList();
        // below its guard the whole of a header is certain
        int certain = hasGuard(lines) ? 1 : 0;
        int depth = 0;
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            if (IF.matcher(line).lookingAt()) {
                depth++;
            } else if (ENDIF.matcher(line).lookingAt()) {
                depth--;
            }
            Matcher include = INCLUDE.matcher(line);
            if (include.matches()) {
                append(include.group(1), text, seen, open, uncertain || depth > certain);
                text.append("#line ").append(i + 2).append(" \"").append(path).append("\"\n");
            } else {
                text.append(line).append('\n');
            }
        }
        open.remove(path);
    }

    /** Whether the first two directives are {@code #ifndef X} and {@code #define X} without a value, and the last one is {@code #endif}. */
    private static boolean hasGuard(List<String> lines) {
        List<String> directives = lines.stream()
                .filter(line -> line.stripLeading().startsWith("#"))
                .toList();
        if (directives.size() < 3
                || !ENDIF.matcher(directives.get(directives.size() - 1)).lookingAt()) {
            return false;
        }
        Matcher ifndef = IFNDEF.matcher(directives.get(0));
        return ifndef.matches() && directives.get(1).matches("\\s*#\\s*define\\s+" + ifndef.group(1) + "\\s*");
    }

    private static String load(String path) {
        try (InputStream in = KernelText.class.getResourceAsStream(ROOT + path)) {
            if (in == null) {
                throw new KernelBuildException("kernel file '" + path + "' is not on the class path under " + ROOT
                        + "; check family and stem in the descriptor and that the jar holds kernels/");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new KernelBuildException("kernel file '" + path + "' cannot be read: " + e.getMessage());
        }
    }
}
