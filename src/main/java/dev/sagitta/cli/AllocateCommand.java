package dev.sagitta.cli;

import dev.sagitta.io.AtomicFile;
import dev.sagitta.quant.AllocationFile;
import dev.sagitta.quant.BitAllocation;
import dev.sagitta.quant.BitTable;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sagitta allocate}: only the integer programme. Needs no device. */
@Command(
        name = "allocate",
        mixinStandardHelpOptions = true,
        description = "Chooses one option per layer of a table: the least sum of omegas under a limit, solved exactly.")
final class AllocateCommand implements Callable<Integer> {
    @Option(
            names = "--table",
            required = true,
            paramLabel = "T.json",
            description =
                    "{\"layers\":[{\"name\",\"options\":[{\"bits\",\"omega\",\"bytes\",\"cost\"}]}], \"tied\":[[\"a\",\"b\"]]}")
    private Path table;

    @ArgGroup(multiplicity = "1")
    private Limit limit;

    @Option(names = "--out", paramLabel = "FILE", description = "Write the choice as JSON; - for stdout.")
    private String out;

    @Spec
    private CommandSpec spec;

    /** One of the two. */
    static final class Limit {
        @Option(names = "--max-bytes", paramLabel = "N", description = "The options' bytes may sum up to N.")
        private Long bytes;

        @Option(names = "--max-cost", paramLabel = "N", description = "The options' costs may sum up to N.")
        private Double cost;
    }

    @Override
    public Integer call() {
        if (limit.cost != null && !Double.isFinite(limit.cost)) {
            throw new ParameterException(
                    spec.commandLine(), "--max-cost is " + limit.cost + ", expected a finite number");
        }
        BitAllocation.Limit kind = limit.bytes != null ? BitAllocation.Limit.BYTES : BitAllocation.Limit.COST;
        BitTable options = AllocationFile.read(table, kind);
        double most = limit.bytes != null ? limit.bytes : limit.cost;
        BitAllocation allocation = BitAllocation.minimise(options, kind, most);
        String json = AllocationFile.toJson(allocation).toPrettyString();
        PrintWriter stdout = spec.commandLine().getOut();
        if ("-".equals(out)) {
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

    private static void print(BitAllocation allocation, PrintWriter out) {
        int width = allocation.choice().keySet().stream()
                .mapToInt(name -> printable(name).length())
                .reduce(5, Math::max);
        out.printf("%-" + width + "s %4s %12s %14s %12s%n", "layer", "bits", "omega", "bytes", "cost");
        allocation
                .choice()
                .forEach((name, option) -> out.printf(
                        Locale.ROOT,
                        "%-" + width + "s %4d %12.6g %14d %12.6g%n",
                        printable(name),
                        option.bits(),
                        option.omega(),
                        option.bytes(),
                        option.cost()));
        out.printf(
                Locale.ROOT,
                "%-" + width + "s %4s %12.6g %14d %12.6g%n",
                "total",
                "",
                allocation.omega(),
                allocation.bytes(),
                allocation.cost());
        out.println("optimal: no other choice within the limit has a smaller omega");
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
