package dev.sagitta.cli.demo;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.vision.VisionNetwork;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.file.Path;

/**
 * What a demo does.
 *
 * @param text characters to learn from; null for the project's own, or with images
 * @param images to learn in place of text, or null
 * @param out folder of the report; made if it is not there
 * @param model preset with its vocabulary still open; null with a network
 * @param network over images, which takes their size and classes; null otherwise
 * @param activationBits policy of the compressed training run
 * @param steps of each of the two trainings
 * @param rate peak learning rate
 * @param evaluationRows held-out examples that finished networks are evaluated on, at most
 * @param curveRows held-out examples of the loss curve, at most
 * @param curvatureRows training examples whose mean loss has its curvature measured, at most
 * @param probes of the trace
 * @param eigenvalues wanted
 * @param lanczosSteps products spent on them, at most
 * @param sampleLength characters to generate
 */
public record DemoSettings(
        Path text,
        DemoImages images,
        Path out,
        long seed,
        ModelSpec model,
        VisionNetwork network,
        String activationBits,
        int steps,
        int batch,
        double rate,
        int evaluationRows,
        int curveRows,
        int curvatureRows,
        int probes,
        int eigenvalues,
        int lanczosSteps,
        int sampleLength) {
    /** Characters that the model sees. */
    private static final int CONTEXT = 128;

    private static final String TINY_TEXT_MODEL = """
            {"input": {"shape": [8], "type": "ids"}, "loss": "cross_entropy", "layers": [
              {"type": "embedding", "name": "embed", "vocabulary": true, "width": 16}, {"type": "position", "name": "place"},
              {"type": "linear", "name": "qkv", "out": 48}, {"type": "attention", "name": "mix", "heads": 2, "causal": true},
              {"type": "linear", "name": "mixed", "out": 64}, {"type": "gelu"},
              {"type": "linear", "name": "out", "out": "vocabulary"}]}
            """;

    private static final String TINY_IMAGE_MODEL = """
            {"input": {"shape": [784]}, "loss": "cross_entropy", "layers": [
              {"type": "linear", "name": "fc1", "out": 32}, {"type": "relu"}, {"type": "linear", "name": "fc2", "out": 10}]}
            """;

    public static DemoSettings text(Path text, Path out, long seed) {
        return new DemoSettings(
                text,
                null,
                out,
                seed,
                ModelSpec.preset("char-gpt", CONTEXT),
                null,
                "4",
                1500,
                8,
                2e-3,
                512,
                32,
                32,
                64,
                5,
                40,
                400);
    }

    /** MNIST's files, by a network of linear layers. */
    public static DemoSettings idx(Path idx, Path out, long seed) {
        return new DemoSettings(
                null,
                new DemoImages(DemoImages.Kind.IDX, idx, 0),
                out,
                seed,
                ModelSpec.preset("mlp"),
                null,
                "auto:2",
                1000,
                128,
                1e-3,
                10_000,
                10_000,
                1024,
                64,
                5,
                40,
                0);
    }

    /** Images by a network with convolutions. */
    public static DemoSettings network(DemoImages images, VisionNetwork network, Path out, long seed) {
        return new DemoSettings(
                null, images, out, seed, null, network, "auto:2", 300, 64, 2e-3, 2048, 512, 128, 64, 5, 40, 0);
    }

    /** The same in miniature: seconds, for tests. */
    public DemoSettings tiny() {
        ModelSpec small = network != null
                ? null
                : ModelSpec.parse(images == null ? TINY_TEXT_MODEL : TINY_IMAGE_MODEL, "tiny model");
        int few = sampleLength / 20;
        return new DemoSettings(
                text, images, out, seed, small, network, activationBits, 12, 16, rate, 128, 64, 32, 16, 2, 6, few);
    }

    public DemoSettings withActivationBits(String bits) {
        return new DemoSettings(
                text,
                images,
                out,
                seed,
                model,
                network,
                bits,
                steps,
                batch,
                rate,
                evaluationRows,
                curveRows,
                curvatureRows,
                probes,
                eigenvalues,
                lanczosSteps,
                sampleLength);
    }

    public DemoSettings withSteps(int count) {
        return new DemoSettings(
                text,
                images,
                out,
                seed,
                model,
                network,
                activationBits,
                count,
                batch,
                rate,
                evaluationRows,
                curveRows,
                curvatureRows,
                probes,
                eigenvalues,
                lanczosSteps,
                sampleLength);
    }

    /** How many examples have so many labels that count, at least one. */
    int batchOf(int labels, Graph graph) {
        Shape target = graph.loss().targetShape(graph.output().shape());
        long each = graph.loss().targetType() == DType.I32 ? target.elements() : 1;
        return (int) Math.max(1, labels / Math.max(1, each));
    }

    /** @throws IllegalArgumentException unless the bits are a policy that compresses */
    public static String requireCompressed(String bits) {
        if (ActivationPolicy.parse(bits).isExact()) {
            throw new IllegalArgumentException("'" + bits + "' compresses nothing; expected 8, 4, 2, 1 or auto:AVG");
        }
        return bits;
    }
}
