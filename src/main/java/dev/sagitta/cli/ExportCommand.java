package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.io.huggingface.HuggingFace;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.tensor.DType;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sagitta export}: a checkpoint as a folder of Hugging Face's layout. */
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Writes a checkpoint as a folder of Hugging Face's layout, config.json and model.safetensors, as from_pretrained reads it:"
                        + " one that was imported, or trained from a preset that is laid out so (char-gpt, llama, bert).")
final class ExportCommand implements Callable<Integer> {
    @Reads
    @Option(
            names = "--checkpoint",
            required = true,
            paramLabel = "C.safetensors",
            description = "The model, or a folder of Hugging Face's layout.")
    private Path checkpoint;

    @Writes(files = {HuggingFace.CONFIG, HuggingFace.WEIGHTS})
    @Option(
            names = "--out",
            required = true,
            paramLabel = "DIR",
            description = "The folder to write: a new or an empty one.")
    private Path out;

    /** Types of weights. */
    enum Type {
        f32(DType.F32),
        f16(DType.F16),
        bf16(DType.BF16);

        private final DType dtype;

        Type(DType dtype) {
            this.dtype = dtype;
        }
    }

    @Option(
            names = "--dtype",
            defaultValue = "f32",
            paramLabel = "T",
            description = "f32, f16 or bf16, to which weights are rounded (default ${DEFAULT-VALUE}).")
    private Type type;

    @Mixin
    private CommonOptions common;

    @Override
    public Integer call() {
        common.noteEffect(false, "--seed", "nothing is drawn");
        common.noteEffect(false, "--device", "nothing is computed");
        try (Checkpoint source = ModelFiles.open(checkpoint, 0, common)) {
            HuggingFace.write(source, out, type.dtype);
            long parameters = ImportCommand.parameters(source);
            ObjectNode result = JsonNodeFactory.instance.objectNode();
            result.put("parameters", parameters);
            result.put("dtype", type.name());
            result.put("folder", out.toString());
            common.result(
                    result,
                    writer -> writer.printf(Locale.ROOT, "%,d parameters as %s%nwrote %s%n", parameters, type, out));
        }
        return CommandLine.ExitCode.OK;
    }
}
