package dev.sagitta.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;

/** What a quick run says of one kernel or job: a line of JSON and a line on the terminal. */
final class QuickRow {
    static final String HEADER = String.format(
            "%-32s %10s %8s %9s %9s %6s %-6s %10s",
            "kernel", "us", "spread", "GB/s", "GFLOP/s", "floor", "by", "predicted");

    private final ObjectNode json = new ObjectMapper().createObjectNode();
    private final StringBuilder line = new StringBuilder();

    private QuickRow(String kernel) {
        json.put("kernel", kernel);
        line.append(String.format("%-32s ", kernel));
    }

    /**
     * @param share of the step that counts, one of so many
     * @param machine as measured in this run
     * @param known the kind of GPU, which has predictions; or null
     */
    static QuickRow timed(
            String kernel, Workload work, QuickTimer.Timing timing, int share, Machine machine, Machine known) {
        QuickRow row = new QuickRow(kernel);
        double micros = timing.median() / share;
        row.json.put("check", "ok");
        row.put("us", micros);
        row.put("usLower", timing.lower() / share);
        row.put("usUpper", timing.upper() / share);
        row.json.put("launches", timing.launches());
        row.json.put("mode", timing.mode().name().toLowerCase(Locale.ROOT));
        row.line.append(String.format(
                Locale.ROOT, "%10.2f %7.1f%%", micros, 100 * (timing.upper() - timing.lower()) / timing.median()));
        if (work.bytes() > 0 || work.flops() > 0) {
            row.limits(kernel, work, micros, machine);
        } else {
            row.line.append(String.format("%35s", ""));
        }
        if (known != null && !kernel.startsWith("job_")) {
            double predicted = Prediction.of(kernel).micros(known, work);
            row.put("predictedUs", predicted);
            row.line.append(String.format(Locale.ROOT, "%10.1f (x %.2f)", predicted, micros / predicted));
        }
        return row;
    }

    private void limits(String kernel, Workload work, double micros, Machine machine) {
        Prediction.Rule rule = Prediction.of(kernel);
        double floor = machine.floor(rule, work);
        json.put("bytes", work.bytes());
        json.put("flops", work.flops());
        put("gigabytesPerSecond", 1e-3 * work.bytes() / micros);
        put("gflops", 1e-3 * work.flops() / micros);
        put("floorUs", floor);
        json.put("limit", machine.limit(rule, work));
        put("shareOfFloor", floor / micros);
        line.append(String.format(
                Locale.ROOT,
                "%10.1f%10.1f%6.0f%% %-6s",
                1e-3 * work.bytes() / micros,
                1e-3 * work.flops() / micros,
                100 * floor / micros,
                machine.limit(rule, work)));
    }

    /** Run and checked, not timed. */
    static QuickRow untimed(String kernel) {
        QuickRow row = new QuickRow(kernel);
        row.json.put("check", "ok");
        row.line.append(String.format("%10s", "-"));
        return row;
    }

    static QuickRow failed(String kernel, Throwable failure) {
        QuickRow row = new QuickRow(kernel);
        String message = failure.getMessage() == null ? failure.toString() : failure.getMessage();
        row.json.put("check", "failed").put("message", message);
        row.line.append("FAILED: ").append(message);
        return row;
    }

    static QuickRow limits(Machine machine) {
        QuickRow row = new QuickRow("limits");
        row.put("copyGigabytesPerSecond", machine.copy());
        row.put("readGigabytesPerSecond", machine.read());
        row.put("fp32Gflops", machine.fp32());
        row.put("tf32Gflops", machine.tf32());
        row.put("bf16Gflops", machine.bf16());
        row.line.append(String.format(
                Locale.ROOT,
                "copy %.0f GB/s, read %.0f GB/s, fp32 %.0f, tf32 %.0f, bf16 %.0f GFLOP/s",
                machine.copy(),
                machine.read(),
                machine.fp32(),
                machine.tf32(),
                machine.bf16()));
        return row;
    }

    /** How long it took in all, with inputs and check. */
    QuickRow took(double seconds) {
        put("seconds", seconds);
        return this;
    }

    /** Five significant digits are more than a clock has. */
    private void put(String name, double value) {
        json.put(name, Double.parseDouble(String.format(Locale.ROOT, "%.5g", value)));
    }

    String json() {
        return json.toString();
    }

    String line() {
        return line.toString();
    }
}
