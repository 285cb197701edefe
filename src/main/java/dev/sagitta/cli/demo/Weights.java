package dev.sagitta.cli.demo;

import dev.sagitta.program.ParameterRole;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/** A trained network's parameters on the device, by name. */
record Weights(Map<String, Tensor> tensors) {

    /** A program's options with these parameters. */
    ProgramOptions bind(ProgramOptions options) {
        ProgramOptions bound = options;
        for (Map.Entry<String, Tensor> tensor : tensors.entrySet()) {
            bound = bound.bind(ParameterRole.WEIGHT, tensor.getKey(), tensor.getValue());
        }
        return bound;
    }
}
