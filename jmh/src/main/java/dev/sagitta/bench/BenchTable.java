package dev.sagitta.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Makes tables of raw results, JMH's ({@code .json}) or those of {@link Quick} ({@code .jsonl}): {@code BenchTable RESULTS... DOCUMENT.md}. The
 * table of {@code NAME.json} replaces what stands in the document between {@code <!-- results NAME -->} and {@code <!-- end NAME -->}; without such marks it is only printed.
 */
public final class BenchTable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private BenchTable() {}

    public static void main(String[] args) throws IOException {
        if (args.length < 2) {
            throw new IllegalArgumentException("expected RESULTS.json... DOCUMENT.md, got " + Arrays.toString(args));
        }
        Path document = Path.of(args[args.length - 1]);
        for (String file : Arrays.copyOf(args, args.length - 1)) {
            Path results = Path.of(file);
            String name = results.getFileName().toString().replaceFirst("\\.jsonl?$", "");
            String section = file.endsWith(".jsonl")
                    ? QuickTable.of(results)
                    : environment(results) + tables(JSON.readTree(results.toFile()));
            System.out.println(section);
            if (!replace(document, "results " + name, "end " + name, section)) {
                System.out.println("(" + document + " has no place for '" + name + "': the table is only printed)");
            }
        }
    }

    /** What stands between the marks {@code <!-- open -->} and {@code <!-- end -->}; false where there are none. */
    static boolean replace(Path document, String opens, String ends, String section) throws IOException {
        String text = Files.exists(document) ? Files.readString(document) : "";
        String open = "<!-- " + opens + " -->\n";
        int start = text.indexOf(open);
        int end = text.indexOf("<!-- " + ends + " -->");
        if (start < 0 || end < start) {
            return false;
        }
        Files.writeString(
                document, text.substring(0, start + open.length()) + "\n" + section + "\n" + text.substring(end));
        return true;
    }

    private static String environment(Path results) throws IOException {
        Path file = Environment.beside(results);
        if (!Files.exists(file)) {
            return "";
        }
        StringBuilder block = new StringBuilder("```\n");
        JSON.readTree(file.toFile())
                .fields()
                .forEachRemaining(field -> block.append(String.format(
                        "%-13s%s%n", field.getKey(), field.getValue().asText())));
        return block.append("```\n\n").toString();
    }

    static String tables(JsonNode results) {
        return results.isObject() ? peer(results) : comparisons(results) + kernels(results);
    }

    private static String className(JsonNode result) {
        String[] parts = result.path("benchmark").asText().split("\\.");
        return parts[parts.length - 2];
    }

    private static String method(JsonNode result) {
        String name = result.path("benchmark").asText();
        return name.substring(name.lastIndexOf('.') + 1);
    }

    private static String parameter(JsonNode result) {
        JsonNode parameters = result.path("params");
        return parameters.isEmpty() ? "" : parameters.elements().next().asText();
    }

    /** The values of all iterations of all forks. */
    private static double[] raw(JsonNode metric) {
        List<Double> values = new ArrayList<>();
        metric.path("rawData").forEach(fork -> fork.forEach(value -> values.add(value.asDouble())));
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        return n == 0 ? Double.NaN : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    }

    // ---- comparisons: the classes whose names end in Ratio ----

    private static String comparisons(JsonNode results) {
        StringBuilder table = new StringBuilder();
        for (JsonNode result : results) {
            if (!className(result).endsWith("Ratio")) {
                continue;
            }
            if (table.isEmpty()) {
                table.append(
                        "| what | measured | against | | ratio (quartiles) | target | | by the driver's copy |\n|---|---|---|---|---|---|---|---|\n");
            }
            String key = className(result) + " " + parameter(result);
            Figure figure = Figure.ALL.stream()
                    .filter(candidate -> candidate.key().equals(key))
                    .findFirst()
                    .orElse(new Figure(key, key, "reference", true, Double.NaN));
            table.append(row(figure, result.path("secondaryMetrics")));
        }
        return table.toString();
    }

    private static String row(Figure figure, JsonNode metrics) {
        double[] measured = raw(metrics.path("measuredMicros"));
        double[] reference = raw(metrics.path("referenceMicros"));
        double[] ratios = new double[measured.length];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = figure.of(measured[i], reference[i]);
        }
        Arrays.sort(ratios);
        double middle = median(ratios);
        double driver = median(raw(metrics.path("driverCopyMicros")));
        return String.format(
                Locale.ROOT,
                "| %s | %s | %s | %s | %s (%s .. %s) | %s %s | %s | %s |%n",
                figure.what(),
                time(median(measured)),
                figure.reference(),
                time(median(reference)),
                ratio(figure, middle),
                ratio(figure, ratios[ratios.length / 4]),
                ratio(figure, ratios[ratios.length - 1 - ratios.length / 4]),
                figure.share() ? "at least" : "at most",
                ratio(figure, figure.target()),
                Double.isNaN(figure.target()) ? "" : figure.reached(middle) ? "reached" : "missed",
                driver > 0 ? ratio(figure, driver / median(measured)) : "");
    }

    private static String ratio(Figure figure, double value) {
        return figure.share()
                ? String.format(Locale.ROOT, "%.0f %%", 100 * value)
                : String.format(Locale.ROOT, "%.2f", value);
    }

    private static String time(double micros) {
        return micros < 1000
                ? String.format(Locale.ROOT, "%.1f us", micros)
                : String.format(Locale.ROOT, "%.2f ms", micros / 1000);
    }

    // ---- kernels by themselves ----

    private static String kernels(JsonNode results) {
        Map<String, Map<String, JsonNode>> byKernel = new LinkedHashMap<>();
        for (JsonNode result : results) {
            if (className(result).equals("KernelBenchmark")) {
                byKernel.computeIfAbsent(parameter(result), key -> new LinkedHashMap<>())
                        .put(method(result), result);
            }
        }
        if (byKernel.isEmpty()) {
            return "";
        }
        StringBuilder table = new StringBuilder(
                "| kernel | launch and wait | launches in a row, each | GB/s | GFLOP/s | heap bytes per launch |\n"
                        + "|---|---|---|---|---|---|\n");
        byKernel.forEach((kernel, runs) -> {
            JsonNode best = runs.getOrDefault("throughput", runs.get("latency"));
            table.append(String.format(
                    Locale.ROOT,
                    "| %s | %s | %s | %s | %s | %s |%n",
                    kernel,
                    perLaunch(runs.get("latency")),
                    perLaunch(runs.get("throughput")),
                    rate(best, "gigabytes"),
                    rate(best, "gigaflops"),
                    heap(best)));
        });
        return table.toString();
    }

    private static String perLaunch(JsonNode result) {
        return result == null ? "" : time(1e6 / median(raw(result.path("primaryMetric"))));
    }

    private static String rate(JsonNode result, String counter) {
        double value = median(raw(result.path("secondaryMetrics").path(counter)));
        return value > 0 ? String.format(Locale.ROOT, value < 10 ? "%.1f" : "%.0f", value) : "";
    }

    private static String heap(JsonNode result) {
        double value = median(raw(result.path("secondaryMetrics").path("gc.alloc.rate.norm")));
        return Double.isNaN(value) ? "" : String.format(Locale.ROOT, "%.1f", value);
    }

    // ---- what jmh/peers/*.py wrote ----

    private static String peer(JsonNode report) {
        StringBuilder table = new StringBuilder("```\n");
        report.path("environment")
                .fields()
                .forEachRemaining(field -> table.append(String.format(
                        "%-13s%s%n", field.getKey(), field.getValue().asText())));
        table.append("```\n\n| what | setting | time | GB/s | GFLOP/s |\n|---|---|---|---|---|\n");
        for (JsonNode row : report.path("results")) {
            table.append(String.format(
                    Locale.ROOT,
                    "| %s | %s | %s | %s | %s |%n",
                    row.path("name").asText(),
                    row.path("setting").asText(),
                    time(row.path("micros").asDouble()),
                    whole(row.path("gigabytesPerSecond")),
                    whole(row.path("gflops"))));
        }
        report.path("notes")
                .forEach(note -> table.append("\n").append(note.asText()).append("\n"));
        return table.toString();
    }

    private static String whole(JsonNode value) {
        return value.isNumber() ? String.format(Locale.ROOT, "%.0f", value.asDouble()) : "";
    }
}
