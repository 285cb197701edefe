package dev.sagitta.cli.demo;

import dev.sagitta.cli.Progress;
import dev.sagitta.data.Data;
import dev.sagitta.data.DataRows;
import dev.sagitta.data.DataSet;
import dev.sagitta.data.TextData;
import dev.sagitta.device.Device;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Rows;
import dev.sagitta.train.Trainer;
import dev.sagitta.train.TrainingOptions;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** The whole pipeline on one data set: two trainings, curvature, low-bit weights. */
final class Demo {
    /** The trained network, exact activations. */
    static final String CHECKPOINT = "model.safetensors";

    /** Of a weight on average: what two uniform plans take, and less than the smaller one. */
    private static final double[] BUDGETS = {4, 3, 2.8};

    private final DemoSettings settings;
    private final Progress progress;
    private final Map<String, Double> seconds = new LinkedHashMap<>();
    private long since = System.nanoTime();

    Demo(DemoSettings settings, Progress progress) {
        this.settings = settings;
        this.progress = progress;
    }

    DemoResult run(Supplier<Device> open) {
        long begin = since;
        try (Device device = open.get()) {
            return run(device, read(), begin);
        }
    }

    private Data read() {
        if (settings.idx() != null) {
            return Data.idx(settings.idx());
        }
        if (settings.text() != null) {
            return read(List.of(settings.text()));
        }
        try (DemoText own = DemoText.find()) {
            return read(own.files());
        }
    }

    private Data read(List<Path> files) {
        TextData text = TextData.read(files);
        ModelSpec model = settings.model().withVocabulary(text.vocabulary());
        int context = Math.toIntExact(model.inputShape().elements());
        return Data.windows(text, files, context, model.hasOutputPerPosition(), settings.seed());
    }

    private String source() {
        return settings.idx() != null
                ? settings.idx().toString()
                : settings.text() != null ? settings.text().toString() : "Sagitta's own sources and documents";
    }

    private DemoResult run(Device device, Data data, long begin) {
        ModelSpec spec =
                data.vocabulary() == null ? settings.model() : settings.model().withVocabulary(data.vocabulary());
        Graph graph = spec.toGraph();
        data.train().requireFits(graph);
        data.test().requireFits(graph);
        DataRows heldOut = DataRows.sample(data.test(), settings.evaluationRows());
        DataRows forCurvature = DataRows.sample(data.train(), settings.curvatureRows());
        done("reading");
        List<DemoResult.Training> trainings = new ArrayList<>();
        CurvatureMeasurement curvature;
        List<DemoResult.Quantized> quantized;
        String sample;
        try (Trainer exact = trainer(graph, device, data, "none")) {
            trainings.add(train(device, graph, exact, data.test(), heldOut));
            done("training, exact");
            try (Trainer compressed = trainer(graph, device, data, settings.activationBits())) {
                trainings.add(train(device, graph, compressed, data.test(), heldOut));
            }
            done("training, compressed");
            Weights weights = new Weights(exact.parameters());
            curvature = CurvatureMeasurement.of(settings, graph, device, weights, forCurvature, progress);
            done("curvature");
            quantized = quantize(device, spec, data, exact, curvature, forCurvature, heldOut);
            done("quantization");
            sample = data.vocabulary() == null
                    ? null
                    : Sampling.sample(
                            graph,
                            device,
                            weights,
                            data.test(),
                            data.vocabulary(),
                            settings.sampleLength(),
                            settings.seed());
        }
        done("sampling");
        seconds.put("total", (System.nanoTime() - begin) * 1e-9);
        return new DemoResult(
                new DemoResult.Run(
                        device.info().name(),
                        device.info().driver(),
                        settings.seed(),
                        settings.steps(),
                        settings.batch(),
                        settings.rate()),
                new DemoResult.Data(
                        source(),
                        data.all().size(),
                        data.train().size(),
                        data.test().size(),
                        heldOut.size(),
                        data.vocabulary() == null ? null : data.vocabulary().size()),
                new DemoResult.Model(
                        DemoResult.describe(graph), graph.parameterCount(), graph.parameterCount() * Float.BYTES),
                trainings,
                curvature.result(),
                quantized,
                sample,
                seconds);
    }

    private Trainer trainer(Graph graph, Device device, Data data, String activationBits) {
        OptimiserOptions optimiser = OptimiserOptions.adamW(settings.rate());
        return new Trainer(
                graph,
                device,
                data.train(),
                new TrainingOptions(settings.batch(), optimiser, activationBits, settings.seed()));
    }

    private DemoResult.Training train(Device device, Graph graph, Trainer trainer, DataSet test, Rows heldOut) {
        ProgramOptions options = new Weights(trainer.parameters())
                .bind(ProgramOptions.of(settings.batchOf(Quantization.ROWS, graph), Computation.EVALUATE));
        DataRows some = DataRows.sample(test, Math.min(heldOut.size(), settings.curveRows()));
        try (Batches curve = new Batches(graph, device, options, some);
                Batches all = new Batches(graph, device, options, heldOut)) {
            return TrainingRun.of(settings, trainer, curve, all, progress);
        }
    }

    /** By way of a checkpoint, as the command line does: the file is the user's to go on with. */
    private List<DemoResult.Quantized> quantize(
            Device device,
            ModelSpec spec,
            Data data,
            Trainer trainer,
            CurvatureMeasurement curvature,
            Rows rows,
            Rows heldOut) {
        Path file = settings.out().resolve(CHECKPOINT);
        Checkpoint.write(
                file,
                spec,
                trainer.weights(),
                Map.of(Checkpoint.DATA, data.train().heldOut().toJson()));
        List<DemoResult.Quantized> results = new ArrayList<>();
        try (Checkpoint checkpoint = Checkpoint.open(file);
                Progress.Bar bar = progress.start("low-bit weights", BUDGETS.length)) {
            Quantization quantization = new Quantization(
                    checkpoint,
                    device,
                    settings.batchOf(Quantization.ROWS, spec.toGraph()),
                    curvature.traces(),
                    rows,
                    heldOut);
            for (double bits : BUDGETS) {
                results.addAll(quantization.compare(bits));
                bar.step();
            }
        }
        return results;
    }

    private void done(String stage) {
        long now = System.nanoTime();
        seconds.put(stage, (now - since) * 1e-9);
        since = now;
    }
}
