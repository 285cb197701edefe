package dev.sagitta.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.io.DataException;
import dev.sagitta.io.FilePlace;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** JSON lines that can be followed while training goes on: each is written whole and at once. */
final class MetricsFile implements AutoCloseable {
    private final Path file;
    private final Writer writer;

    private MetricsFile(Path file, Writer writer) {
        this.file = file;
        this.writer = writer;
    }

    /** @param file null for none */
    static MetricsFile open(Path file, boolean append) {
        if (file == null) {
            return new MetricsFile(null, Writer.nullWriter());
        }
        try {
            Writer writer = new BufferedWriter(
                    Channels.newWriter(FilePlace.ofOutput(file).openStream(append), StandardCharsets.UTF_8));
            return new MetricsFile(file, writer);
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    void write(JsonNode line) {
        try {
            writer.write(line + "\n");
            writer.flush();
        } catch (IOException e) {
            throw failed(file, e);
        }
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
            throw failed(file, e);
        }
    }
}
