package dev.sagitta.cli;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.model.ModelSpec;
import java.nio.file.Files;
import java.nio.file.Path;

/** A model by the name of a preset or of a JSON file. */
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
}
