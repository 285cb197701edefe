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
import dev.sagitta.io.vision.VisionNetwork;
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
        if (settings.images() != null) {
            Data images = settings.images().read(settings.seed());
            // networks with convolutions begin as if their input had deviation 1
            return settings.network() == null ? images : images.normalised(null);
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
        return settings.images() != null
                ? settings.images().path().toString()
                : settings.text() != null ? settings.text().toString() : "Sagitta's own sources and documents";
    }

    private DemoResult run(Device device, Data data, long begin) {
        ModelSpec spec = model(data);
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
                new DemoResult.Model(describe(graph), graph.parameterCount(), graph.parameterCount() * Float.BYTES),
                trainings,
                curvature.result(),
                quantized,
                sample,
                seconds);
    }

    private ModelSpec model(Data data) {
        VisionNetwork network = settings.network();
        if (network != null) {
            return ModelSpec.vision(
                    network,
                    network.imageOf(data.all().inputShape()),
                    data.all().classes());
        }
        return data.vocabulary() == null ? settings.model() : settings.model().withVocabulary(data.vocabulary());
    }

    private Map<String, String> metadata(DataSet train) {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put(Checkpoint.DATA, train.heldOut().toJson());
        if (train.normalisation() != null) {
            metadata.put(Checkpoint.NORMALISATION, train.normalisation().toJson());
        }
        return metadata;
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
        Checkpoint.write(file, spec, trainer.weights(), metadata(data.train()));
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

    /** Its name where the layers are many. */
    private String describe(Graph graph) {
        return settings.network() == null
                ? DemoResult.describe(graph)
                : settings.network().name() + " over images "
                        + graph.input().out().type().shown();
    }

    private void done(String stage) {
        long now = System.nanoTime();
        seconds.put(stage, (now - since) * 1e-9);
        since = now;
    }
}
