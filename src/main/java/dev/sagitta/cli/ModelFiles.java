package dev.sagitta.cli;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.huggingface.HuggingFace;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
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
        if (common.architecture() != null) {
            return HuggingFace.weights(checkpoint, common.architecture(), null);
        }
        if (HuggingFace.isFolder(checkpoint)) {
            return HuggingFace.open(checkpoint, context, common::note);
        }
        return context == 0 ? Checkpoint.open(checkpoint) : Checkpoint.open(checkpoint, context);
    }
}
