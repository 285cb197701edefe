package dev.sagitta.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** The table of a {@link Quick} run: its environment, its limits, and a row for each line. */
final class QuickTable {
    private QuickTable() {}

    static String of(Path file) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        List<String> lines = Files.readAllLines(file);
        StringBuilder text = new StringBuilder("```\n");
        mapper.readTree(lines.get(0))
                .fields()
                .forEachRemaining(field -> text.append(String.format(
                        "%-13s%s%n", field.getKey(), field.getValue().asText())));
        StringBuilder table = new StringBuilder(
                "| kernel | us (quartiles) | GB/s | GFLOP/s | of the floor | limit | predicted us | measured / predicted |\n"
                        + "|---|---|---|---|---|---|---|---|\n");
        for (String line : lines.subList(1, lines.size())) {
            JsonNode row = mapper.readTree(line);
            if (row.path("kernel").asText().equals("limits")) {
                text.append(limits(row));
            } else {
                table.append(row(row));
            }
        }
        return text.append("```\n\n").append(table).toString();
    }

    private static String limits(JsonNode row) {
        return String.format(
                Locale.ROOT,
                "%-13scopy %.0f GB/s, read %.0f GB/s, fp32 %.0f, tf32 %.0f, bf16 %.0f GFLOP/s%n",
                "limits",
                row.path("copyGigabytesPerSecond").asDouble(),
                row.path("readGigabytesPerSecond").asDouble(),
                row.path("fp32Gflops").asDouble(),
                row.path("tf32Gflops").asDouble(),
                row.path("bf16Gflops").asDouble());
    }

    private static String row(JsonNode row) {
        String kernel = row.path("kernel").asText();
        if (!row.has("us")) {
            return "| " + kernel + " | " + row.path("check").asText() + " "
                    + row.path("message").asText() + " | | | | | | |\n";
        }
        double micros = row.path("us").asDouble();
        double predicted = row.path("predictedUs").asDouble(Double.NaN);
        return String.format(
                Locale.ROOT,
                "| %s | %s (%s .. %s) | %s | %s | %s | %s | %s | %s |%n",
                kernel,
                number(micros),
                number(row.path("usLower").asDouble()),
                number(row.path("usUpper").asDouble()),
                number(row.path("gigabytesPerSecond").asDouble()),
                number(row.path("gflops").asDouble()),
                row.has("shareOfFloor")
                        ? String.format(
                                Locale.ROOT,
                                "%.0f %%",
                                100 * row.path("shareOfFloor").asDouble())
                        : "",
                row.path("limit").asText(),
                number(predicted),
                Double.isNaN(predicted) ? "" : String.format(Locale.ROOT, "%.2f", micros / predicted));
    }

    /** Three digits, nothing for nothing. */
    static String number(double value) {
        if (!(value > 0)) {
            return "";
        }
        return String.format(Locale.ROOT, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value);
    }
}
