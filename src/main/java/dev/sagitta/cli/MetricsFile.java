package dev.sagitta.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.FilePlace;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.Consumer;

/** JSON lines that can be followed while training goes on: each is written whole and at once. */
final class MetricsFile implements AutoCloseable {
    private final Path file;
    private final Writer writer;
    private final Consumer<String> note;
    private boolean failed;

    private MetricsFile(Path file, Writer writer, Consumer<String> note) {
        this.file = file;
        this.writer = writer;
        this.note = note;
    }

    /**
     * @param file null for none
     * @param note receives a line for the user
     */
    static MetricsFile open(Path file, boolean append, Consumer<String> note) {
        if (file == null) {
            return new MetricsFile(null, Writer.nullWriter(), note);
        }
        try {
            Writer writer = new BufferedWriter(
                    Channels.newWriter(FilePlace.ofOutput(file).openStream(append), StandardCharsets.UTF_8));
            return new MetricsFile(file, writer, note);
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    /** A line that cannot be written is the end of the log, not of the work: the user is told once, and nothing more is written. */
    void write(JsonNode line) {
        if (failed) {
            return;
        }
        try {
            writer.write(line + "\n");
            writer.flush();
        } catch (IOException e) {
            failed = true;
            note.accept(failed(file, e).getMessage() + "; training goes on without it");
        }
    }

    /** Whether a line is missing. */
    boolean hasFailed() {
        return failed;
    }

    private static DataException failed(Path file, IOException e) {
        String reason = e instanceof java.nio.file.NoSuchFileException
                ? "its folder does not exist; make it first"
                : e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return new DataException("cannot write " + file + ": " + reason, e);
    }

    @Override
    public void close() {
        try {
            writer.close();
        } catch (IOException e) {
            // what a failed write left in the buffer; it has been said
            if (!failed) {
                throw failed(file, e);
            }
        }
    }
}
