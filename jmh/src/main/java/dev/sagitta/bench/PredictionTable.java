package dev.sagitta.bench;

import dev.sagitta.fixture.DryDevice;
import dev.sagitta.fixture.TimedBench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * The floor and the predicted time of every kernel on each kind of GPU that we know, side by side: {@code PredictionTable [DOCUMENT.md]} puts
 * it between {@code <!-- predictions -->} and {@code <!-- end predictions -->}, with {@code --check} in front it only says whether it stands
 * there already. Needs no GPU.
 */
public final class PredictionTable {
    private PredictionTable() {}

    public static void main(String[] args) throws Exception {
        String table = table();
        if (args.length == 2 && args[0].equals("--check")) {
            if (!Files.readString(Path.of(args[1])).contains(table)) {
                System.err.println(args[1]
                        + ": the predictions are not those of the descriptors; ./sagitta bench --predict renews them");
                System.exit(1);
            }
            return;
        }
        System.out.println(table);
        if (args.length > 0 && !BenchTable.replace(Path.of(args[0]), "predictions", "end predictions", table)) {
            throw new IOException(args[0] + " has no place for predictions: the table is only printed");
        }
    }

    static String table() throws Exception {
        StringBuilder head = new StringBuilder("| kernel | MB | GFLOP | limit |");
        StringBuilder rule = new StringBuilder("|---|---|---|---|");
        for (Machine machine : Machine.KNOWN) {
            head.append(' ').append(machine.name()).append(" floor us | predicted us |");
            rule.append("---|---|");
        }
        StringBuilder table = head.append(" why not the floor |\n").append(rule).append("---|\n");
        try (DryDevice device = new DryDevice()) {
            for (Map.Entry<String, TimedCase> entry : kernels().entrySet()) {
                try (TimedBench bench = new TimedBench(device, false)) {
                    table.append(row(entry.getKey(), Workload.of(bench, entry.getValue())));
                }
            }
        }
        return table.toString();
    }

    /** As a quick run on a GPU has them. */
    private static Map<String, TimedCase> kernels() {
        Map<String, TimedCase> kernels = new LinkedHashMap<>();
        TimedCases.on(true, true).forEach((name, timed) -> {
            kernels.put(name, timed);
            if (name.equals("empty")) {
                kernels.put("empty_queued", timed);
                kernels.put("empty_wait", timed);
            }
        });
        return kernels;
    }

    private static String row(String kernel, Workload work) {
        Prediction.Rule rule = Prediction.of(kernel);
        StringBuilder row = new StringBuilder(String.format(
                Locale.ROOT,
                "| %s | %.1f | %.2f | %s |",
                kernel,
                1e-6 * work.bytes(),
                1e-9 * work.flops(),
                Machine.KNOWN.get(0).limit(rule, work)));
        for (Machine machine : Machine.KNOWN) {
            row.append(String.format(
                    " %s | %s |",
                    QuickTable.number(machine.floor(rule, work)), QuickTable.number(rule.micros(machine, work))));
        }
        return row.append(' ').append(rule.why()).append(" |\n").toString();
    }
}
