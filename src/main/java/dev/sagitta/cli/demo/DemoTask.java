package dev.sagitta.cli.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.cli.Progress;
import dev.sagitta.device.Device;
import dev.sagitta.io.file.AtomicFile;
import dev.sagitta.io.file.DataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;

/** A demo with its files: nothing is computed that could not be written, and nothing half-written stays. */
public final class DemoTask {
    public static final String HTML = "report.html";
    public static final String JSON = "report.json";
    public static final String CHECKPOINT = Demo.CHECKPOINT;

    private final DemoSettings settings;
    private final Progress progress;
    private final Supplier<Device> device;

    /** @param device opens it once the output is known to be writable */
    public DemoTask(DemoSettings settings, Progress progress, Supplier<Device> device) {
        this.settings = settings;
        this.progress = progress;
        this.device = device;
    }

    /**
     * What is to be printed.
     *
     * @param json the report
     * @param text the table
     */
    public record Outcome(ObjectNode json, String text) {}

    public Outcome run() {
        Path made = makeFolder(settings.out());
        boolean done = false;
        try {
            Path html = settings.out().resolve(HTML);
            Path json = settings.out().resolve(JSON);
            AtomicFile.requireWritable(html);
            AtomicFile.requireWritable(json);
            AtomicFile.requireWritable(settings.out().resolve(CHECKPOINT));
            DemoResult result = new Demo(settings, progress).run(device);
            AtomicFile.writeText(json, DemoReport.json(result));
            AtomicFile.writeText(html, DemoReport.html(result));
            done = true;
            String files = "\nreport: " + html + ", " + json + "; network: "
                    + settings.out().resolve(CHECKPOINT) + "\n";
            return new Outcome(new ObjectMapper().valueToTree(result), DemoTable.text(result) + files);
        } finally {
            if (!done) {
                removeIfEmpty(made);
            }
        }
    }

    /** @return the folder if it was not there before; null otherwise */
    private static Path makeFolder(Path folder) {
        try {
            if (Files.isDirectory(folder)) {
                return null;
            }
            Files.createDirectories(folder);
            return folder;
        } catch (IOException e) {
            throw new DataException("cannot make the folder " + folder + ": " + reason(e), e);
        }
    }

    private static String reason(IOException e) {
        if (e instanceof java.nio.file.FileAlreadyExistsException) {
            return "there is a file of that name";
        }
        return e instanceof java.nio.file.AccessDeniedException ? "permission denied" : e.getMessage();
    }

    private static void removeIfEmpty(Path folder) {
        if (folder != null) {
            try {
                Files.delete(folder);
            } catch (IOException notEmpty) {
                // the checkpoint is there, whole: it stays
            }
        }
    }
}
