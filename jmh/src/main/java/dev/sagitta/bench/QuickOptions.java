package dev.sagitta.bench;

import dev.sagitta.device.DeviceInfo;
import dev.sagitta.device.DeviceKind;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * The command line of {@link Quick}.
 *
 * @param from name before which nothing is run, or null
 * @param json or null: a name by the device, in {@code results}
 * @param smoke tiny sizes
 * @param once not timed
 * @param document whose table is replaced after a whole run, or null
 */
record QuickOptions(
        String device,
        Pattern kernels,
        Pattern skip,
        String from,
        Path json,
        Path results,
        Path document,
        boolean smoke,
        boolean once,
        boolean help,
        boolean[] started) {
    static final String USAGE = """
            bench --quick [REGEX] [OPTIONS]    every kernel and whole job whose name holds REGEX (without it all): checked, then timed
              --device auto|cuda[:i]|opencl[:i]   the device (auto)
              --skip REGEX                     leave out names that hold REGEX
              --from NAME                      begin with NAME
              --json FILE                      where lines of JSON go (quick-DEVICE.jsonl in the folder of results)
              --smoke                          tiny sizes, every check and way of launching once, no timings: a rehearsal
              --once                           one launch of each, checked, no timings: for a profiler""";

    static QuickOptions parse(String[] args) {
        String device = System.getProperty("sagitta.bench.device()", "auto");
        Pattern kernels = null;
        Pattern skip = null;
        String from = null;
        Path json = null;
        Path results = Path.of(".");
        Path document = null;
        boolean smoke = false;
        boolean once = false;
        boolean help = false;
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "--smoke" -> smoke = true;
                case "--once" -> once = true;
                case "-h", "--help" -> help = true;
                case "--device" -> device = value(args, i++);
                case "--skip" -> skip = pattern(value(args, i++));
                case "--from" -> from = value(args, i++);
                case "--json" -> json = Path.of(value(args, i++));
                case "--results" -> results = Path.of(value(args, i++));
                case "--document" -> document = Path.of(value(args, i++));
                default -> {
                    if (args[i].startsWith("-") || kernels != null) {
                        throw new IllegalArgumentException("'" + args[i] + "' is not expected here");
                    }
                    kernels = pattern(args[i]);
                }
            }
        }
        return new QuickOptions(
                device, kernels, skip, from, json, results, document, smoke, once, help, new boolean[] {from == null});
    }

    private static String value(String[] args, int option) {
        if (option + 1 >= args.length) {
            throw new IllegalArgumentException(args[option] + " expects a value");
        }
        return args[option + 1];
    }

    private static Pattern pattern(String text) {
        try {
            return Pattern.compile(text);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException("'" + text + "' is no regular expression: " + e.getDescription(), e);
        }
    }

    /** Whether everything is run and timed. */
    boolean isWhole() {
        return kernels == null && skip == null && from == null && !smoke && !once;
    }

    /** Asked in the order of the run. */
    boolean takes(String kernel) {
        started[0] |= kernel.equals(from);
        return started[0]
                && (kernels == null || kernels.matcher(kernel).find())
                && (skip == null || !skip.matcher(kernel).find());
    }

    /** A run of some kernels, or without timings, does not overwrite a whole one. */
    Path file(DeviceInfo info) {
        if (json != null) {
            return json;
        }
        String name = Machine.named(info.name())
                .map(machine -> machine.name().toLowerCase(Locale.ROOT))
                .orElse(info.kind() == DeviceKind.CUDA ? "cuda" : info.kind() == DeviceKind.OPENCL_GPU ? "gpu" : "cpu");
        return results.resolve(
                "quick-" + name + (smoke ? "-smoke" : once ? "-once" : isWhole() ? "" : "-part") + ".jsonl");
    }
}
