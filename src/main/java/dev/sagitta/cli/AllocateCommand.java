package dev.sagitta.cli;

import dev.sagitta.io.file.AtomicFile;
import dev.sagitta.quant.AllocationFile;
import dev.sagitta.quant.BitAllocation;
import dev.sagitta.quant.BitTable;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sagitta allocate}: only the choice of bits. Needs no device. */
@Command(
        name = "allocate",
        mixinStandardHelpOptions = true,
        description =
                "Chooses one option per layer of a table: the least sum of omegas under one or several limits, solved exactly. "
                        + "Among options of a layer with the same omega the one with the smallest \"error\" is taken, or the most bits where none is given.")
final class AllocateCommand implements Callable<Integer> {
    @Reads
    @Option(
            names = "--table",
            required = true,
            paramLabel = "T.json",
            description =
                    "{\"layers\":[{\"name\",\"options\":[{\"bits\",\"omega\",\"bytes\",\"cost\",\"costs\":{\"latency\"}}]}], \"tied\":[[\"a\",\"b\"]]}")
    private Path table;

    @ArgGroup(exclusive = false, multiplicity = "1")
    private Limits limits;

    @Writes(stdout = true)
    @Option(names = "--out", paramLabel = "FILE", description = "Write the choice as JSON; - for stdout.")
    private String out;

    @Spec
    private CommandSpec spec;

    /** One or more. */
    static final class Limits {
        @Option(names = "--max-bytes", paramLabel = "N", description = "The options' bytes may sum up to N.")
        private Long bytes;

        @Option(names = "--max-cost", paramLabel = "N", description = "The options' costs may sum up to N.")
        private Double cost;

        @Option(
                names = "--max",
                paramLabel = "NAME=N",
                description = "The options' costs of this name may sum up to N. Repeatable.")
        private List<String> named = List.of();
    }

    @Override
    public Integer call() {
        BitAllocation.Limit[] given = limits();
        Set<String> quantities = Arrays.stream(given)
                .map(BitAllocation.Limit::quantity)
                .collect(Collectors.toCollection(LinkedHashSet::new));
        BitTable options = AllocationFile.read(table, quantities);
        BitAllocation allocation = BitAllocation.minimise(options, given);
        String json = AllocationFile.toJson(allocation);
        PrintWriter stdout = spec.commandLine().getOut();
        if (CommandFiles.isStandardOutput(out)) {
            stdout.println(json);
        } else {
            if (out != null) {
                AtomicFile.writeText(Path.of(out), json + "\n");
            }
            print(allocation, stdout);
        }
        stdout.flush();
        return CommandLine.ExitCode.OK;
    }

    private BitAllocation.Limit[] limits() {
        List<BitAllocation.Limit> given = new ArrayList<>();
        try {
            if (limits.bytes != null) {
                given.add(BitAllocation.Limit.bytes(limits.bytes));
            }
            if (limits.cost != null) {
                given.add(BitAllocation.Limit.cost(limits.cost));
            }
            for (String text : limits.named) {
                given.add(named(text));
            }
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage());
        }
        return given.toArray(BitAllocation.Limit[]::new);
    }

    private static BitAllocation.Limit named(String text) {
        int equals = text.lastIndexOf('=');
        try {
            if (equals > 0) {
                return BitAllocation.Limit.of(
                        text.substring(0, equals), Double.parseDouble(text.substring(equals + 1)));
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new IllegalArgumentException(
                "--max is '" + text + "', expected the name of a cost and a number, as in latency=1.5");
    }

    private static void print(BitAllocation allocation, PrintWriter out) {
        int width = allocation.choice().keySet().stream()
                .mapToInt(name -> printable(name).length())
                .reduce(5, Math::max);
        StringBuilder heading = new StringBuilder();
        allocation.costs().keySet().forEach(name -> heading.append(" %12s".formatted(printable(name))));
        out.printf("%-" + width + "s %4s %12s %14s %12s%s%n", "layer", "bits", "omega", "bytes", "cost", heading);
        allocation
                .choice()
                .forEach((name, option) -> print(
                        out,
                        width,
                        printable(name),
                        Integer.toString(option.bits()),
                        option.omega(),
                        option.bytes(),
                        option.cost(),
                        option.costs()));
        print(out, width, "total", "", allocation.omega(), allocation.bytes(), allocation.cost(), allocation.costs());
        if (allocation.optimal()) {
            out.println("optimal: no other choice within the limits has a smaller omega");
        } else {
            out.printf(
                    Locale.ROOT,
                    "not proven optimal: no choice within the limits has an omega below %.6g, this one may be %.2g %% above the best%n",
                    allocation.bound(),
                    100 * (allocation.omega() - allocation.bound()) / Math.abs(allocation.bound()));
        }
    }

    private static void print(
            PrintWriter out,
            int width,
            String name,
            String bits,
            double omega,
            long bytes,
            double cost,
            Map<String, Double> costs) {
        StringBuilder more = new StringBuilder();
        costs.values().forEach(value -> more.append(String.format(Locale.ROOT, " %12.6g", value)));
        out.printf(Locale.ROOT, "%-" + width + "s %4s %12.6g %14d %12.6g%s%n", name, bits, omega, bytes, cost, more);
    }

    /** A name from a file may hold line ends or escape sequences. */
    private static String printable(String name) {
        return name.codePoints()
                .map(c -> Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? '?' : c)
                .limit(60)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }
}
