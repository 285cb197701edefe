package dev.sagitta.cli;

import java.util.Arrays;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line. */
@Command(
        name = "sagitta",
        mixinStandardHelpOptions = true,
        description = "Compute engine for the JVM.",
        subcommands = {
            DemoCommand.class,
            TrainCommand.class,
            EvalCommand.class,
            GenerateCommand.class,
            HvpCommand.class,
            CurvatureCommand.class,
            QuantizeCommand.class,
            AllocateCommand.class,
            ExplainCommand.class,
            ImportCommand.class,
            ExportCommand.class,
            DevicesCommand.class
        })
public final class Main implements Runnable {

    @Override
    public void run() {
        CommandLine.usage(this, System.out);
    }

    public static void main(String[] args) {
        int status;
        try {
            status = commandLine().execute(args);
        } catch (OutOfMemoryError e) {
            System.err.println("sagitta: the Java heap or direct memory is full (" + e.getMessage()
                    + "); give the JVM more with JAVA_TOOL_OPTIONS=-Xmx8g, or less data");
            status = CommandLine.ExitCode.SOFTWARE;
        }
        System.exit(status);
    }

    /** One-line errors: exit 1 where the work failed, 2 where the command line is wrong. */
    static CommandLine commandLine() {
        CommandLine commands = new CommandLine(new Main());
        withVersion(commands);
        return commands.setExecutionStrategy(CommandFiles::checkThenRun)
                .setExecutionExceptionHandler((error, command, result) -> {
                    LoggerFactory.getLogger(Main.class).debug("{} failed", command.getCommandName(), error);
                    String message = error.getMessage() == null ? error.toString() : error.getMessage();
                    command.getErr().println("sagitta " + command.getCommandName() + ": " + firstLine(message));
                    // asked of the words, so that it works wherever it stands
                    if (result.originalArgs().contains("--debug")) {
                        error.printStackTrace(command.getErr());
                    }
                    command.getErr().flush();
                    return CommandLine.ExitCode.SOFTWARE;
                })
                .setParameterExceptionHandler((error, arguments) -> {
                    CommandLine command = error.getCommandLine();
                    String name = command.getCommandSpec().qualifiedName();
                    command.getErr().println(name + ": " + UsageError.message(error) + " (" + name + " --help)");
                    if (Arrays.asList(arguments).contains("--debug")) {
                        error.printStackTrace(command.getErr());
                    }
                    command.getErr().flush();
                    return CommandLine.ExitCode.USAGE;
                });
    }

    /** Every command says it, since every one takes the option. */
    private static void withVersion(CommandLine command) {
        command.getCommandSpec().versionProvider(new Version());
        command.getSubcommands().values().forEach(Main::withVersion);
    }

    private static String firstLine(String message) {
        return message.lines().findFirst().orElse("");
    }
}
