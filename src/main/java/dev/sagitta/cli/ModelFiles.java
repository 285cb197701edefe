package dev.sagitta.cli;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.huggingface.HuggingFace;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.tensor.Shape;
import java.nio.file.Files;
import java.nio.file.Path;

/** A model by the name of a preset or of a JSON file, or with weights in a checkpoint or a folder of Hugging Face's layout. */
final class ModelFiles {
    private ModelFiles() {}

    /** @throws DataException if there is neither, or the file is no model */
    static ModelSpec read(String model) {
        if (ModelSpec.PRESETS.contains(model)) {
            return ModelSpec.preset(model);
        }
        Path file = Path.of(model);
        if (!Files.exists(file)) {
            throw new DataException("there is no file '" + model + "' and no preset of that name; presets: "
                    + String.join(", ", ModelSpec.PRESETS));
        }
        return ModelSpec.read(file);
    }

    /**
     * A checkpoint, be it a file or a folder.
     *
     * @param context tokens that the network reads; 0 for as many as a file says, and of a folder {@link HuggingFace#CONTEXT} or fewer
     * @throws DataException naming the file or folder and what is wrong with it
     */
    static Checkpoint open(Path checkpoint, int context, CommonOptions common) {
        return open(checkpoint, context, null, common);
    }

    /** The same of a network that is to read these examples: as many tokens, or images of their size where its file does not say it. */
    static Checkpoint open(Path checkpoint, DataOptions data, CommonOptions common) {
        return open(checkpoint, data.tokens(), data.image(), common);
    }

    private static Checkpoint open(Path checkpoint, int context, Shape image, CommonOptions common) {
        if (common.architecture() != null) {
            return HuggingFace.weights(checkpoint, common.architecture(), image);
        }
        if (HuggingFace.isFolder(checkpoint)) {
            return HuggingFace.open(checkpoint, context, image, common::note);
        }
        return context == 0 ? Checkpoint.open(checkpoint) : Checkpoint.open(checkpoint, context);
    }
}
