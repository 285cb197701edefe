package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.device.Device;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.huggingface.HuggingFace;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.program.Decoder;
import dev.sagitta.program.NextId;
import dev.sagitta.quant.StoredModel;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sagitta generate}: text that a model writes. */
@Command(
        name = "generate",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Writes on from a prompt, token by token, to stdout as they come; speed goes to stderr. Keys and values of what was read "
                        + "stay on the device, packed weights are used as they are stored. It ends where the model's context does.")
final class GenerateCommand implements Callable<Integer> {
    @Reads
    @Option(
            names = "--checkpoint",
            required = true,
            paramLabel = "C.safetensors",
            description = "The model: a checkpoint or a folder of Hugging Face's layout.")
    private Path checkpoint;

    @ArgGroup(multiplicity = "1")
    private Prompt prompt;

    /** What it goes on from. */
    static final class Prompt {
        @Option(names = "--prompt", paramLabel = "TEXT", description = "What to go on from.")
        private String text;

        @Option(
                names = "--prompt-ids",
                split = ",",
                paramLabel = "ID",
                description = "The same as ids, separated by commas; without a --tokenizer, ids are written.")
        private int[] ids;
    }

    @Reads
    @Option(
            names = "--tokenizer",
            paramLabel = "tokenizer.json",
            description =
                    "Text as tokens (default: the model's characters, or the tokenizer.json of a folder), by the library "
                            + TokenizerJson.LIBRARY + " on the class path.")
    private Path tokenizer;

    @Option(
            names = "--tokens",
            defaultValue = "256",
            paramLabel = "N",
            description = "Tokens to write, at most (default ${DEFAULT-VALUE}).")
    private int tokens;

    @Option(
            names = "--context",
            paramLabel = "N",
            description =
                    "Tokens of prompt and answer together, at most (default: what the model reads, or what is needed).")
    private Integer context;

    @Option(
            names = "--temperature",
            defaultValue = "0",
            paramLabel = "T",
            description =
                    "0 for the likeliest token; 1 for draws as likely as the model says (default ${DEFAULT-VALUE}).")
    private double temperature;

    @Option(
            names = "--top-k",
            defaultValue = "0",
            paramLabel = "K",
            description = "Draw among the K likeliest, 0 for all (default ${DEFAULT-VALUE}).")
    private int topK;

    @Option(
            names = "--top-p",
            defaultValue = "1",
            paramLabel = "P",
            description = "Draw among the likeliest that together reach this probability (default ${DEFAULT-VALUE}).")
    private double topP;

    @Option(names = "--stop", paramLabel = "ID", description = "Ends behind this id, an end of text.")
    private Integer stop;

    @Mixin
    private CommonOptions common;

    @Override
    public Integer call() {
        common.require(tokens >= 1, "--tokens is " + tokens + ", expected at least 1");
        common.require(context == null || context >= 1, "--context is " + context + ", expected at least 1");
        NextId next = sampler();
        // a decoder reads one token at a time, whatever a file's examples are
        int reads = context == null || !HuggingFace.isFolder(checkpoint) ? 0 : context;
        try (Checkpoint source = ModelFiles.open(checkpoint, reads, common);
                Tokens words = words(source)) {
            int[] ids = prompt.ids != null ? prompt.ids : encoded(words);
            if (ids.length == 0) {
                throw new DataException("the prompt is empty; give at least one token to go on from");
            }
            int longest = context != null ? context : longest(source, ids.length);
            if (ids.length > longest) {
                throw new DataException("the prompt has " + ids.length + " tokens, the context " + longest
                        + (context == null ? "; give a shorter one, or --context" : "; give a shorter one"));
            }
            try (Device device = common.open();
                    StoredModel model = StoredModel.open(source, device);
                    Decoder decoder = model.decoder(longest)) {
                write(decoder, ids, words, next);
            }
        }
        return CommandLine.ExitCode.OK;
    }

    /** A folder's network reads as much as it is asked to, up to a table of positions; others were made for so many. */
    private int longest(Checkpoint source, int given) {
        int reads = Math.toIntExact(source.model().inputShape().elements());
        return HuggingFace.isFolder(checkpoint) ? Math.max(reads, Math.addExact(given, tokens)) : reads;
    }

    private NextId sampler() {
        try {
            return new NextId(temperature, topK, topP, common.seed(0));
        } catch (IllegalArgumentException e) {
            throw common.usage(e.getMessage());
        }
    }

    /** Null where ids are all there is. */
    private Tokens words(Checkpoint source) {
        Path beside = checkpoint.resolve("tokenizer.json");
        if (tokenizer != null || prompt.text != null && java.nio.file.Files.exists(beside)) {
            Tokens words = TokenizerJson.open(tokenizer != null ? tokenizer : beside);
            long rows = source.graph().nodes().stream()
                    .filter(node -> !node.isInput() && node.op().idLimit() > 0)
                    .mapToLong(node -> node.op().idLimit())
                    .min()
                    .orElse(0);
            if (words.size() > rows) {
                words.close();
                throw new DataException((tokenizer != null ? tokenizer : beside) + ": the tokeniser has " + words.size()
                        + " tokens, the model's table " + rows + " rows; give the tokenizer.json of this model");
            }
            return words;
        }
        return source.model().vocabulary() == null
                ? null
                : Tokens.characters(source.model().vocabulary());
    }

    private int[] encoded(Tokens words) {
        if (words == null) {
            throw new DataException(checkpoint + ": the model has no characters of its own; give --tokenizer"
                    + " tokenizer.json, or --prompt-ids");
        }
        return words.encode(prompt.text);
    }

    private void write(Decoder decoder, int[] ids, Tokens words, NextId next) {
        PrintWriter out = common.isJsonToStdout() ? new PrintWriter(PrintWriter.nullWriter()) : common.out();
        long begin = System.nanoTime();
        for (int id : ids) {
            decoder.take(id);
        }
        TextStream text = new TextStream(out, words);
        IdWriter writer = new IdWriter(decoder, ids, tokens, stop == null ? -1 : stop, (id, first) -> {
            if (first) {
                text.begin(ids);
            }
            text.add(id);
        });
        writer.write(next);
        if (writer.isCut()) {
            out.flush();
            common.note("the context of " + decoder.longest() + " tokens is full");
        }
        long end = System.nanoTime();
        finish(out, words, writer.ids(), ids.length, writer.count(), writer.begun() - begin, end - writer.begun());
    }

    private void finish(PrintWriter out, Tokens words, int[] all, int given, int count, long reading, long writing) {
        out.println();
        out.flush();
        int steps = count - given - 1;
        double perSecond = steps == 0 ? 0 : steps / (writing * 1e-9);
        common.note(String.format(
                Locale.ROOT,
                "%d tokens read in %.3f s, %d written at %.0f tokens per second",
                given,
                reading * 1e-9,
                count - given,
                perSecond));
        ObjectNode result = JsonNodeFactory.instance.objectNode();
        ArrayNode ids = result.putArray("ids");
        for (int i = 0; i < count; i++) {
            ids.add(all[i]);
        }
        if (words != null) {
            result.put("text", words.decode(Arrays.copyOf(all, count)));
        }
        result.put("tokens", count - given);
        Numbers.put(result, "tokensPerSecond", perSecond);
        common.result(result, nothing -> {});
    }
}
