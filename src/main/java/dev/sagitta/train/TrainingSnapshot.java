package dev.sagitta.train;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.HeldOut;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.model.Normalisation;
import dev.sagitta.tensor.Shape;
import dev.sagitta.train.optimiser.OptimiserType;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A training run as it stood after a step, in host memory: training may go on before it is written, or fail.
 *
 * @param heldOut what the training set left out; null where nothing was
 * @param normalisation what was done to the inputs; null where nothing was
 * @param tensors parameters, then the optimiser's state
 */
public record TrainingSnapshot(
        TrainingState state, HeldOut heldOut, Normalisation normalisation, List<HostTensor> tensors) {

    /**
     * Writes a checkpoint that {@link Trainer#resume} takes, whole or not at all.
     *
     * @throws DataException if the file cannot be written, or a number is not finite
     */
    public void write(Path path, ModelSpec model) {
        for (HostTensor tensor : tensors) {
            // a checkpoint that cannot be opened again would be worse than none
            tensor.requireFinite("step " + state.step());
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put(Checkpoint.TRAINING, state.toJson());
        if (heldOut != null) {
            metadata.put(Checkpoint.DATA, heldOut.toJson());
        }
        if (normalisation != null) {
            metadata.put(Checkpoint.NORMALISATION, normalisation.toJson());
        }
        Checkpoint.write(path, model, tensors, metadata);
    }

    /**
     * A tensor of the optimiser's state, as {@link #write} wrote it.
     *
     * @throws DataException if it is not there, as for another optimiser, or not of the parameter's shape
     */
    static HostTensor state(Checkpoint checkpoint, String state, String parameter, Shape expected, OptimiserType type) {
        String name = Checkpoint.OPTIMIZER + state + "." + parameter;
        if (!checkpoint.has(name)) {
            throw new DataException(checkpoint.path() + ": there is no tensor '" + name + "': it was not trained with "
                    + type.name() + "; resume with the optimiser it was trained with");
        }
        HostTensor tensor = checkpoint.tensor(name);
        if (!tensor.shape().equals(expected) || !tensor.dtype().isFloat()) {
            throw new DataException(
                    checkpoint.path() + ": " + tensor + ", expected floating point numbers of shape " + expected);
        }
        return tensor;
    }
}
