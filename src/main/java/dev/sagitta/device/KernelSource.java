package dev.sagitta.device;

import java.util.Map;
import java.util.TreeMap;

/**
 * Names one entry of one kernel file and the constants it is compiled with.
 *
 * @param file family and stem below kernels/, as {@code elementwise/pointwise}: {@link KernelFiles}
 * @param entry name of the entry point
 * @param defines constants passed by {@code -D}
 */
public record KernelSource(String file, String entry, Map<String, String> defines) {

    public KernelSource {
        // sorted: the option string is a cache key, for us and for the driver
        defines = java.util.Collections.unmodifiableMap(new TreeMap<>(defines));
    }

    public static KernelSource of(String file, String entry) {
        return new KernelSource(file, entry, Map.of());
    }

    /** {@code -DA=1 -DB=2}, in the order of the names. */
    public String options() {
        StringBuilder text = new StringBuilder();
        defines.forEach((name, value) -> text.append(text.isEmpty() ? "" : " ")
                .append("-D")
                .append(name)
                .append('=')
                .append(value));
        return text.toString();
    }

    @Override
    public String toString() {
        return file + ":" + entry + (defines.isEmpty() ? "" : " (" + options() + ")");
    }
}
