package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/** What a command line did: exit status, stdout, stderr. */
record CommandRun(int status, String out, String err) {

    static CommandRun of(Object... words) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] arguments = new String[words.length];
        for (int i = 0; i < words.length; i++) {
            arguments[i] = words[i].toString();
        }
        int status = Main.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(arguments);
        return new CommandRun(status, out.toString(), err.toString());
    }

    CommandRun succeeded() {
        assertThat(status).as(err).isZero();
        assertThat(err).isEmpty();
        return this;
    }

    /** One line on stderr, nothing on stdout. */
    void failed(int expected, String message) {
        assertThat(err).contains(message);
        assertThat(status).as(err).isEqualTo(expected);
        assertThat(err.lines()).as(err).hasSize(1);
        assertThat(err).startsWith("sagitta").doesNotContain("Exception", "\tat ");
        assertThat(out).isEmpty();
    }

    JsonNode json() {
        try {
            return new ObjectMapper().readTree(out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static JsonNode json(Path file) throws IOException {
        return new ObjectMapper().readTree(file.toFile());
    }
}
