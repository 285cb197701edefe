package dev.sagitta.cli.demo;

import dev.sagitta.io.ModelSpec;
import java.nio.file.Path;

/**
 * What a demo does.
 *
 * @param text characters to learn from; null for the project's own, or with {@code idx}
 * @param idx folder of MNIST's files, or null
 * @param out folder of the report; made if it is not there
 * @param device as the command line names it
 * @param model preset with its vocabulary still open
 * @param activationBits policy of the compressed training run
 * @param steps of each of the two trainings
 * @param rate peak learning rate
 * @param evaluationRows held-out examples that are evaluated, at most
 * @param curvatureRows training examples whose mean loss has its curvature measured, at most
 * @param probes of the trace
 * @param eigenvalues wanted
 * @param lanczosSteps products spent on them, at most
 * @param sampleLength characters to generate
 */
public record DemoSettings(
        Path text,
        Path idx,
        Path out,
        String device,
        long seed,
        ModelSpec model,
        String activationBits,
        int steps,
        int batch,
        double rate,
        int evaluationRows,
        int curvatureRows,
        int probes,
        int eigenvalues,
        int lanczosSteps,
        int sampleLength) {

    public static DemoSettings text(Path text, Path out, String device, long seed) {
        return new DemoSettings(
                text,
                null,
                out,
                device,
                seed,
                ModelSpec.preset("char-mlp"),
                "4",
                1200,
                256,
                2e-3,
                8192,
                1024,
                64,
                5,
                40,
                400);
    }

    public static DemoSettings idx(Path idx, Path out, String device, long seed) {
        return new DemoSettings(
                null, idx, out, device, seed, ModelSpec.preset("mlp"), "auto:2", 1000, 128, 1e-3, 10_000, 1024, 64, 5, 40, 0);
    }

    /** The same in miniature: seconds, for tests. */
    public DemoSettings tiny(ModelSpec other) {
        return new DemoSettings(
                text, idx, out, device, seed, other, activationBits, 12, 16, rate, 256, 64, 16, 2, 6, 20);
    }
}
