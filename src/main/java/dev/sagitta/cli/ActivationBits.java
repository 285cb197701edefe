package dev.sagitta.cli;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.data.DataRows;
import dev.sagitta.device.Device;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ProgramOptions;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** {@code --activation-bits} of commands that do not train. */
final class ActivationBits implements ITypeConverter<ActivationPolicy> {
    static final String DESCRIPTION =
            "How activations are kept for the backward pass: none (exact, the default), 8, 4, 2, 1, or auto:AVG.";

    /** What the bits do to a product, for its help; docs/activations.md has the table. */
    static final String OF_PRODUCTS =
            " With bits the product is an estimate: at 2 bits off by 28 %% of its norm on a ReLU network, by noise of mean zero, and"
                    + " by 69 to 150 %% with gelu, silu or tanh, much of it bias that no mean over seeds takes away"
                    + " (docs/activations.md).";

    @Override
    public ActivationPolicy convert(String text) {
        try {
            return ActivationPolicy.parse(text);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }

    /** Lets an automatic policy choose: it needs a gradient to measure on, here that of the first batch, with the statistics of the products. */
    static void choose(
            ActivationPolicy policy, Checkpoint checkpoint, Device device, ProgramOptions like, DataRows rows) {
        if (!policy.isAutomatic()) {
            return;
        }
        ProgramOptions options = ProgramOptions.of(Math.min(like.batch(), rows.size()), Computation.MEASURED_GRADIENT)
                .batchStatistics(like.batchStatistics())
                .store(policy.store());
        try (Batches batches = new Batches(checkpoint.graph(), device, options, rows.first(options.batch()))) {
            NetworkVectors.load(checkpoint, batches);
            batches.run(0, Computation.MEASURED_GRADIENT);
            policy.resolve(batches.program());
        }
    }
}
