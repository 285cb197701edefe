package dev.sagitta.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * What we expect of kernels on a GPU, before it is measured. The file {@code predictions.tsv} says of each kernel only what share of which limit
 * it should reach and what comes on top, and why; bytes and operations are its descriptor's, limits the {@link Machine}'s.
 */
final class Prediction {
    /** Of the issue slots, what a kernel that issues all the time was seen to fill. */
    private static final double ISSUE_SHARE = 0.84;

    private static final List<Rule> RULES = read();

    private Prediction() {}

    /** Which cores the operations are done by. */
    enum Cores {
        FP32,
        TF32,
        BF16
    }

    /**
     * A line of the file.
     *
     * @param kernel matches the whole name
     * @param reads whether what is written does not count
     * @param bandwidth share of the bandwidth while data flows
     * @param peak share of the cores' peak while they work
     * @param instructions per element of the largest tensor, 0 where they do not matter
     * @param extra microseconds on top: launches, start and end, what must come first
     * @param why the floor is not reached
     */
    record Rule(
            Pattern kernel,
            boolean reads,
            Cores cores,
            double bandwidth,
            double peak,
            double instructions,
            double extra,
            String why) {

        double micros(Machine machine, Workload work) {
            double memory = machine.memoryMicros(this, work) / bandwidth;
            double cores = machine.coreMicros(this, work) / peak;
            double issue = 1e-3 * work.elements() * instructions / (machine.instructions() * ISSUE_SHARE);
            return extra + Math.max(Math.max(memory, cores), issue);
        }
    }

    /** @throws IllegalStateException if the file says nothing about the kernel */
    static Rule of(String kernel) {
        return RULES.stream()
                .filter(rule -> rule.kernel.matcher(kernel).matches())
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(
                        "predictions.tsv has no line for '" + kernel + "': add one with its limit"));
    }

    private static List<Rule> read() {
        List<Rule> rules = new ArrayList<>();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                Objects.requireNonNull(Prediction.class.getResourceAsStream("predictions.tsv"), "predictions.tsv"),
                StandardCharsets.UTF_8))) {
            for (String line; (line = lines.readLine()) != null; ) {
                if (!line.isBlank() && !line.startsWith("#")) {
                    rules.add(rule(line));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("predictions.tsv", e);
        }
        return List.copyOf(rules);
    }

    private static Rule rule(String line) {
        String[] cells = line.split("\t+");
        if (cells.length != 8 || !cells[1].matches("copy|read")) {
            throw new IllegalStateException("predictions.tsv: '" + line
                    + "' must be kernel, copy or read, cores, bandwidth, peak, instructions, extra, why, by tabs");
        }
        return new Rule(
                Pattern.compile(cells[0]),
                cells[1].equals("read"),
                Cores.valueOf(cells[2].toUpperCase(Locale.ROOT)),
                Double.parseDouble(cells[3]),
                Double.parseDouble(cells[4]),
                Double.parseDouble(cells[5]),
                Double.parseDouble(cells[6]),
                cells[7]);
    }
}
