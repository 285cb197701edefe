package dev.sagitta.bench;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.data.Data;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.device.Devices;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.random.RandomStream;
import dev.sagitta.tensor.Tensor;
import dev.sagitta.train.Trainer;
import dev.sagitta.train.TrainingOptions;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream.Builder;

/**
 * What compressed activations do to gradient, Hv and v'Hv: {@code ActivationError OUT.tsv DRAWS FOLDER}. Networks that read characters are
 * trained on the files of FOLDER with exact activations; then each quantity is computed DRAWS times with other rounding noise, and its error
 * split into noise (the spread of the draws) and bias (what their mean is off by, less what the noise leaves in a mean of so many).
 */
public final class ActivationError {
    private static final int ROWS = 512;
    private static final int PROBES = 4;
    private static final String[] BITS = {"8", "4", "2", "1"};

    private static final String MODEL = """
            {"input": {"shape": [8], "type": "ids"}, "loss": "cross_entropy", "layers": [
              {"type": "embedding", "name": "embed", "vocabulary": true, "width": 16}, {"type": "flatten"},
              {"type": "linear", "name": "fc1", "out": 128}, {"type": "%s"},
              {"type": "linear", "name": "fc2", "out": 128}, {"type": "%s"},
              {"type": "linear", "name": "out", "out": "vocabulary"}]}
            """;

    private ActivationError() {}

    public static void main(String[] arguments) throws IOException {
        Path out = Path.of(arguments[0]);
        int draws = Integer.parseInt(arguments[1]);
        List<Path> files;
        try (java.util.stream.Stream<Path> walk = Files.walk(Path.of(arguments[2]))) {
            files = walk.filter(Files::isRegularFile).sorted().toList();
        }
        List<String> lines = new ArrayList<>();
        try (Device device = Devices.open("auto")) {
            lines.add("# dev.sagitta.bench.ActivationError " + String.join(" ", arguments) + "; "
                    + device.info().name());
            lines.add(
                    "# relative to the norm of the exact value: rms of one draw, its noise, its bias, and the bias that can be told from 0");
            lines.add("network\tbits\tquantity\terror\tnoise\tbias\tresolution");
            for (String function : new String[] {"relu", "gelu", "tanh", "silu"}) {
                ModelSpec model = ModelSpec.parse(MODEL.formatted(function, function), function);
                measure(device, function, model, files, 1500, draws, lines);
            }
            measure(device, "char-mlp", ModelSpec.preset("char-mlp"), files, 2500, draws, lines);
        }
        Files.write(out, lines);
    }

    private static void measure(
            Device device, String name, ModelSpec open, List<Path> files, int steps, int draws, List<String> lines) {
        Data data = Data.text(files, Math.toIntExact(open.inputShape().elements()), 0);
        Graph graph = open.withVocabulary(data.vocabulary()).toGraph();
        TrainingOptions options = new TrainingOptions(256, OptimiserOptions.adamW(2e-3), "none", 0);
        try (Trainer trainer = new Trainer(graph, device, data.train(), options)) {
            for (int i = 0; i < steps; i++) {
                trainer.step();
            }
            Map<String, double[]> exact;
            try (Program program = program(device, graph, trainer, data.train(), "none")) {
                exact = compute(program);
            }
            for (String bits : BITS) {
                try (Program program = program(device, graph, trainer, data.train(), bits)) {
                    report(name, bits, exact, program, draws, lines);
                }
            }
        }
    }

    private static Program program(Device device, Graph graph, Trainer trainer, DataSet data, String bits) {
        ProgramOptions options = ProgramOptions.of(
                        ROWS, Computation.GRADIENT, Computation.HESSIAN_VECTOR, Computation.HESSIAN_QUADRATIC)
                .probes(PROBES)
                .store(ActivationPolicy.parse(bits).store());
        for (Map.Entry<String, Tensor> weight : trainer.parameters().entrySet()) {
            options = options.bind(weight.getKey(), weight.getValue());
        }
        Program program = Program.compile(graph, device, options);
        Stream stream = program.stream();
        int[] rows = new int[ROWS];
        for (int i = 0; i < ROWS; i++) {
            rows[i] = (int) ((long) i * data.size() / ROWS);
        }
        ByteBuffer inputs = host(data.inputBytes(ROWS));
        ByteBuffer targets = host(data.targetBytes(ROWS));
        data.batch(rows, 0, ROWS, inputs, targets);
        program.tensor("input").upload(stream, inputs.clear());
        program.tensor("target").upload(stream, targets.clear());
        graph.parameters().forEach(parameter -> {
            RandomStream random = RandomStream.of(0, "probe/" + parameter.name());
            Tensor vector = program.tensor(parameter.name() + ".vector");
            float[] values = new float[Math.toIntExact(vector.elements())];
            for (int i = 0; i < values.length; i++) {
                values[i] = random.nextInt() < 0 ? -1 : 1;
            }
            vector.upload(stream, values);
        });
        return program;
    }

    private static ByteBuffer host(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    private static Map<String, double[]> compute(Program program) {
        Map<String, double[]> results = new LinkedHashMap<>();
        program.run(Computation.GRADIENT);
        results.put("gradient", all(program, ".gradient"));
        program.run(Computation.HESSIAN_VECTOR);
        results.put("Hv", all(program, ".product"));
        results.put("v'(Hv)", dots(program));
        program.run(Computation.HESSIAN_QUADRATIC);
        results.put("v'Hv", doubles(program.tensor("quadratic").downloadFloats(program.stream())));
        return results;
    }

    private static double[] all(Program program, String role) {
        Builder<double[]> parts = java.util.stream.Stream.builder();
        program.layout()
                .parameters()
                .forEach(parameter -> parts.add(
                        doubles(program.tensor(parameter.name() + role).downloadFloats(program.stream()))));
        return parts.build().flatMapToDouble(java.util.Arrays::stream).toArray();
    }

    /** v'(Hv) of each probe. */
    private static double[] dots(Program program) {
        double[] sums = new double[PROBES];
        program.layout().parameters().forEach(parameter -> {
            float[] v = program.tensor(parameter.name() + ".vector").downloadFloats(program.stream());
            float[] hv = program.tensor(parameter.name() + ".product").downloadFloats(program.stream());
            int n = v.length / PROBES;
            for (int i = 0; i < v.length; i++) {
                sums[i / n] += (double) v[i] * hv[i];
            }
        });
        return sums;
    }

    private static double[] doubles(float[] values) {
        double[] result = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = values[i];
        }
        return result;
    }

    private static void report(
            String network, String bits, Map<String, double[]> exact, Program program, int draws, List<String> lines) {
        Map<String, double[]> sums = new LinkedHashMap<>();
        Map<String, Double> squares = new LinkedHashMap<>();
        for (int draw = 0; draw < draws; draw++) {
            program.setRandom(1, draw);
            compute(program).forEach((quantity, values) -> {
                double[] truth = exact.get(quantity);
                double[] sum = sums.computeIfAbsent(quantity, key -> new double[truth.length]);
                double square = 0;
                for (int i = 0; i < truth.length; i++) {
                    double off = values[i] - truth[i];
                    sum[i] += off;
                    square += off * off;
                }
                squares.merge(quantity, square, Double::sum);
            });
        }
        sums.forEach((quantity, sum) -> {
            double norm = 0;
            double meanSquare = 0;
            for (int i = 0; i < sum.length; i++) {
                norm += exact.get(quantity)[i] * exact.get(quantity)[i];
                meanSquare += sum[i] / draws * (sum[i] / draws);
            }
            double noise = (squares.get(quantity) - draws * meanSquare) / (draws - 1);
            double bias = Math.sqrt(Math.max(0, meanSquare - noise / draws) / norm);
            String line = String.format(
                    Locale.ROOT,
                    "%s\t%s\t%s\t%.4g\t%.4g\t%.4g\t%.2g",
                    network,
                    bits,
                    quantity,
                    Math.sqrt(squares.get(quantity) / draws / norm),
                    Math.sqrt(noise / norm),
                    bias,
                    Math.sqrt(noise / draws / norm));
            System.out.println(line);
            lines.add(line);
        });
    }
}
