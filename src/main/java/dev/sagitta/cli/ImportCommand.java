package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.huggingface.HuggingFace;
import dev.sagitta.io.model.Checkpoint;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code sagitta import}: a folder of Hugging Face's layout as one checkpoint. */
@Command(
        name = "import",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Writes a folder of Hugging Face's layout (config.json, model.safetensors or shards with an index) as one checkpoint, its"
                        + " weights as they are. Other commands take such a folder itself as --checkpoint.")
final class ImportCommand implements Callable<Integer> {
    @Reads
    @Parameters(
            paramLabel = "DIR",
            description =
                    "The folder: GPT-2, Llama, Mistral, Qwen2 or BERT; with --arch, a folder or a file of a network over images.")
    private Path folder;

    @Writes
    @Option(names = "--out", required = true, paramLabel = "C.safetensors", description = "The checkpoint to write.")
    private Path out;

    @Option(
            names = "--context",
            paramLabel = "N",
            description = "Tokens of an example (default: as many as the network reads, 128 at most).")
    private Integer context;

    @Mixin
    private CommonOptions common;

    private Checkpoint source() {
        return common.architecture() == null
                ? HuggingFace.open(folder, context == null ? 0 : context, common::note)
                : HuggingFace.weights(folder, common.architecture(), null);
    }

    @Override
    public Integer call() {
        common.require(context == null || context >= 1, "--context is " + context + ", expected at least 1");
        common.noteEffect(false, "--seed", "nothing is drawn");
        common.noteEffect(false, "--device", "nothing is computed");
        try (Checkpoint source = source()) {
            List<HostTensor> tensors = source.graph().everyParameter().stream()
                    .map(parameter -> source.tensor(parameter.name()))
                    .toList();
            List<HostTensor> all =
                    Stream.concat(tensors.stream(), source.beside().stream()).toList();
            Checkpoint.write(out, source.model(), all, source.derivedMetadata());
            ObjectNode result = JsonNodeFactory.instance.objectNode();
            result.put("parameters", parameters(source));
            result.put("tensors", tensors.size());
            result.put("context", source.model().inputShape().elements());
            result.put("checkpoint", out.toString());
            common.result(
                    result,
                    writer -> writer.printf(
                            Locale.ROOT,
                            "%,d parameters in %d tensors, %d tokens at a time%nwrote %s%n",
                            parameters(source),
                            tensors.size(),
                            source.model().inputShape().elements(),
                            out));
        }
        return CommandLine.ExitCode.OK;
    }

    static long parameters(Checkpoint source) {
        return source.graph().everyParameter().stream()
                .mapToLong(Parameter::elements)
                .sum();
    }
}
