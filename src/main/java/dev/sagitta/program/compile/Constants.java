package dev.sagitta.program.compile;

import dev.sagitta.device.Stream;
import dev.sagitta.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/** The numbers that ops know when a program is compiled, by name: uploaded once, read by every computation. */
public final class Constants {
    private final Map<String, long[]> integers = new LinkedHashMap<>();
    private final Map<String, float[]> numbers = new LinkedHashMap<>();

    void put(String name, long[] values) {
        long[] known = integers.putIfAbsent(name, values);
        require(name, (known == null || Arrays.equals(known, values)) && !numbers.containsKey(name));
    }

    void put(String name, float[] values) {
        float[] known = numbers.putIfAbsent(name, values);
        require(name, (known == null || Arrays.equals(known, values)) && !integers.containsKey(name));
    }

    private static void require(String name, boolean same) {
        if (!same) {
            throw new IllegalArgumentException("constant '" + name + "' exists with other values");
        }
    }

    public void upload(Stream stream, Function<String, Tensor> tensors) {
        integers.forEach((name, values) -> tensors.apply(name).upload(stream, values));
        numbers.forEach((name, values) -> tensors.apply(name).upload(stream, values));
    }
}
