package dev.sagitta.cli;

import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line. */
@Command(
        name = "sagitta",
        mixinStandardHelpOptions = true,
        description = "Compute engine for the JVM.",
        subcommands = {DemoCommand.class, DevicesCommand.class, QuantizeCommand.class, AllocateCommand.class})
public final class Main implements Runnable {

    @Override
    public void run() {
        CommandLine.usage(this, System.out);
    }

    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    /** One-line errors: exit 1 where the work failed, 2 where the command line is wrong. */
    static CommandLine commandLine() {
        return new CommandLine(new Main()).setExecutionExceptionHandler((error, command, result) -> {
            LoggerFactory.getLogger(Main.class).debug("{} failed", command.getCommandName(), error);
            String message = error.getMessage() == null ? error.toString() : error.getMessage();
            command.getErr().println("sagitta " + command.getCommandName() + ": " + message);
            return CommandLine.ExitCode.SOFTWARE;
        });
    }
}
