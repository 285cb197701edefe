package dev.sagitta.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.fixture.TimedCases;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * JMH with its own options, and of {@link KernelBenchmark} every kernel that is timed unless some are named; beside a file of results ({@code -rff}) it writes the {@link Environment} of the run.
 */
public final class BenchMain {
    private BenchMain() {}

    public static void main(String[] args) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(args));
        int at = arguments.indexOf("-rff");
        boolean writes = at >= 0 && at + 1 < arguments.size();
        ObjectNode environment = writes ? Environment.now(arguments) : null;
        if (OpenBlas.find().isEmpty()) {
            System.err.println(
                    "no libopenblas.so.0: the comparison with OpenBLAS is left out (Debian: apt-get install libopenblas0-pthread)");
            arguments.addAll(List.of("-e", "GemmRatio"));
        }
        if (arguments.stream().noneMatch(argument -> argument.startsWith("kernel="))) {
            arguments.addAll(List.of(
                    "-p",
                    "kernel=" + String.join(",", TimedCases.on(false, false).keySet())));
        }
        org.openjdk.jmh.Main.main(arguments.toArray(String[]::new));
        if (writes) {
            // the launcher renames FILE.json.new
            Path written = Path.of(arguments.get(at + 1));
            forgetHome(written);
            Path results = Path.of(written.toString().replaceFirst("\\.new$", ""));
            new ObjectMapper()
                    .writerWithDefaultPrettyPrinter()
                    .writeValue(Environment.beside(results).toFile(), environment);
        }
    }

    /** JMH records the options of the JVM: where the tree lies on a machine is no part of a result. */
    private static void forgetHome(Path results) throws IOException {
        String home = System.getProperty("sagitta.home");
        if (home != null && Files.exists(results)) {
            Files.writeString(results, Files.readString(results).replace("-Dsagitta.home=" + home, "-Dsagitta.home=."));
        }
    }
}
