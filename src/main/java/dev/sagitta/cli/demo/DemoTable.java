package dev.sagitta.cli.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What a demo prints at its end. */
final class DemoTable {
    static final List<String> PLANS = List.of(
            "bits by",
            "bits/weight",
            "size",
            "loss increase foretold",
            "measured",
            "less than uniform",
            "held-out loss",
            "accuracy");
    static final List<String> TRAININGS =
            List.of("activations", "size", "saved activations", "held-out loss", "accuracy", "step time");

    /** Of the first table. */
    static final String EXPLANATION =
            "Increase over the fp32 network; foretold: half of v'Hv along the rounding errors v, on training examples; "
                    + "\u00b1 one standard error of the paired difference over held-out examples; "
                    + "packed are the weights of linear layers";

    /** Of more weights it is said how many are in how many bits. */
    private static final int MOST_LISTED = 8;

    private DemoTable() {}

    /** What low-bit weights add to the held-out loss, beside what curvature foretold. */
    static List<List<String>> plans(DemoResult result) {
        return result.quantization().stream()
                .map(quantized -> List.of(
                        name(quantized),
                        format("%.2f", quantized.averageBits()),
                        megabytes(quantized.bytes()),
                        format("%.4f", quantized.predictedIncrease()),
                        difference(quantized.increase()),
                        quantized.lessThanUniform() == null ? "" : difference(quantized.lessThanUniform()),
                        format("%.4f", quantized.heldOut().loss()),
                        percent(quantized.heldOut().accuracy())))
                .toList();
    }

    /** One row per training. */
    static List<List<String>> trainings(DemoResult result) {
        List<List<String>> rows = new ArrayList<>();
        long exact = result.training().get(0).savedBytes();
        for (DemoResult.Training training : result.training()) {
            boolean isExact = training.activationBits().equals("none");
            rows.add(List.of(
                    isExact ? "exact" : "in " + training.activationBits() + " bits",
                    megabytes(result.model().bytes()),
                    megabytes(training.savedBytes())
                            + (isExact ? "" : format(" (1/%.1f)", (double) exact / training.savedBytes())),
                    format("%.4f", training.heldOut().loss()),
                    percent(training.heldOut().accuracy()),
                    format("%.1f ms", training.stepMilliseconds())));
        }
        return rows;
    }

    /** {@code 0.0078 \u00b1 0.0004}. */
    static String difference(DemoResult.Difference difference) {
        return format("%.4f", difference.value())
                + (difference.standardError() == null ? "" : format(" \u00b1 %.4f", difference.standardError()));
    }

    /** {@code curvature: 4, 2, 8}. */
    static String name(DemoResult.Quantized quantized) {
        List<Integer> bits =
                quantized.layers().stream().map(DemoResult.LayerBits::bits).toList();
        if (quantized.plan().equals("uniform")) {
            return quantized.plan() + ": " + bits.get(0);
        }
        if (bits.size() <= MOST_LISTED) {
            return quantized.plan() + ": " + bits.stream().map(Object::toString).collect(Collectors.joining(", "));
        }
        Map<Integer, Long> counts =
                bits.stream().collect(Collectors.groupingBy(b -> b, TreeMap::new, Collectors.counting()));
        return quantized.plan() + ": "
                + counts.entrySet().stream()
                        .map(count -> count.getValue() + " in " + count.getKey())
                        .collect(Collectors.joining(", "));
    }

    static String text(DemoResult result) {
        StringBuilder out = new StringBuilder();
        out.append(headline(result)).append("\n\n");
        table(out, PLANS, plans(result));
        out.append(EXPLANATION).append("\n\n");
        table(out, TRAININGS, trainings(result));
        out.append('\n').append(curvature(result)).append('\n');
        if (result.sample() != null) {
            out.append("\nit writes:\n");
            result.sample()
                    .lines()
                    .forEach(line -> out.append("    ").append(printable(line)).append('\n'));
        }
        return out.toString();
    }

    private static void table(StringBuilder out, List<String> header, List<List<String>> body) {
        List<List<String>> rows = new ArrayList<>(List.of(header));
        rows.addAll(body);
        int[] widths = new int[header.size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                line.append(i == 0 ? "" : "  ").append(format((i == 0 ? "%-" : "%") + widths[i] + "s", row.get(i)));
            }
            out.append(line.toString().stripTrailing()).append('\n');
        }
    }

    static String headline(DemoResult result) {
        DemoResult.Run run = result.run();
        return format(
                "%s: %,d parameters, %,d examples, %,d steps of %d, seed %d, on %s",
                result.data().source(),
                result.model().parameters(),
                result.data().train(),
                run.steps(),
                run.batch(),
                run.seed(),
                run.device());
    }

    static String curvature(DemoResult result) {
        DemoResult.Curvature curvature = result.curvature();
        String eigenvalues = curvature.eigenvalues().stream()
                .map(value -> format("%.3g", value.value()))
                .collect(Collectors.joining(", "));
        return format(
                "Hessian over %,d examples: trace %.4g \u00b1 %.2g (95 %%, %d probes), largest eigenvalues %s",
                curvature.rows(),
                curvature.trace().estimate(),
                curvature.trace().halfWidth(),
                curvature.trace().probes(),
                eigenvalues);
    }

    /** What a model writes may hold anything, also what a terminal obeys. */
    private static String printable(String line) {
        return line.codePoints()
                .map(c -> Character.isISOControl(c) ? ' ' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    static String megabytes(long bytes) {
        return bytes < 100_000 ? format("%.1f kB", bytes * 1e-3) : format("%.2f MB", bytes * 1e-6);
    }

    private static String percent(double fraction) {
        return format("%.1f %%", 100 * fraction);
    }

    private static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }
}
