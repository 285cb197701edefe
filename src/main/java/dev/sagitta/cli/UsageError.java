package dev.sagitta.cli;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What is wrong with a command line, in one line. */
final class UsageError {
    private UsageError() {}

    static String message(ParameterException error) {
        CommandLine command = error.getCommandLine();
        if (error instanceof UnmatchedArgumentException unmatched) {
            return unknown(unmatched, unmatched.getUnmatched().get(0));
        }
        // A mistyped option is also one that is missing; of the two complaints picocli makes the one that does not help
        if (error instanceof MissingParameterException) {
            for (String word : command.getUnmatchedArguments()) {
                UnmatchedArgumentException unmatched = new UnmatchedArgumentException(command, List.of(word));
                if (unmatched.isUnknownOption()) {
                    return unknown(unmatched, word);
                }
            }
        }
        String message = error.getMessage();
        return message == null ? error.toString() : message.lines().findFirst().orElse("");
    }

    private static String unknown(UnmatchedArgumentException error, String word) {
        boolean option = error.isUnknownOption();
        boolean command = !option && !error.getCommandLine().getSubcommands().isEmpty();
        List<String> similar = error.getSuggestions();
        String what = option ? "unknown option '" : command ? "unknown command '" : "unexpected word '";
        return what + word + "'" + (similar.isEmpty() ? "" : "; possible: " + String.join(", ", similar));
    }
}
