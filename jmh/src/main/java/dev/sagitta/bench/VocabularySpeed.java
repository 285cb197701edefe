package dev.sagitta.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.device.Device;
import dev.sagitta.device.Devices;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a loss in parts of rows costs and saves: {@code VocabularySpeed OUT.json DEVICE CLASSES WIDTH ROWS PROBES ROUNDS MIB|all...}. A tied embedding and its
 * products with all classes, compiled for parts of each size; they take turns, milliseconds of a run, after one round that is not counted.
 */
public final class VocabularySpeed {
    private static final String ALL = "all";
    private static final List<Computation> COMPUTATIONS = List.of(
            Computation.EVALUATE, Computation.GRADIENT, Computation.HESSIAN_VECTOR, Computation.HESSIAN_QUADRATIC);

    private VocabularySpeed() {}

    public static void main(String[] arguments) throws IOException {
        long[] numbers =
                Arrays.stream(arguments, 2, 7).mapToLong(Long::parseLong).toArray();
        Graph graph = graph(numbers[0], numbers[1], numbers[2]);
        ObjectMapper json = new ObjectMapper();
        ObjectNode all = json.createObjectNode();
        try (Device device = Devices.open(arguments[1])) {
            all.set("environment", Environment.of(VocabularySpeed.class, arguments, device));
            ArrayNode results = all.putArray("results");
            for (Computation computation : COMPUTATIONS) {
                List<String> parts = Arrays.asList(arguments).subList(7, arguments.length);
                measure(graph, device, computation, (int) numbers[3], (int) numbers[4], parts, results);
            }
        }
        Files.writeString(
                Path.of(arguments[0]), json.writerWithDefaultPrettyPrinter().writeValueAsString(all) + "\n");
    }

    private static Graph graph(long classes, long width, long rows) {
        return ModelSpec.parse("""
                {"input": {"shape": [%d], "type": "ids"}, "loss": "cross_entropy", "layers": [
                  {"type": "embedding", "name": "embed", "rows": %d, "width": %d}, {"type": "tanh"},
                  {"type": "linear", "tied": "embed.weight"}]}
                """.formatted(rows, classes, width), "vocabulary")
                .toGraph();
    }

    private static void measure(
            Graph graph,
            Device device,
            Computation computation,
            int probes,
            int rounds,
            List<String> parts,
            ArrayNode results) {
        List<Program> programs = new ArrayList<>();
        try {
            List<ArrayNode> times = new ArrayList<>();
            for (String part : parts) {
                long before = device.memory().currentBytes();
                long bytes = part.equals(ALL) ? Long.MAX_VALUE : Long.parseLong(part) << 20;
                ProgramOptions options =
                        ProgramOptions.of(1, computation).probes(probes).partBytes(bytes);
                programs.add(Program.compile(graph, device, options));
                ObjectNode row = results.addObject();
                row.put("computation", computation.name());
                row.put("partMiB", part);
                row.put("bytes", device.memory().currentBytes() - before);
                times.add(row.putArray("ms"));
            }
            for (int round = 0; round <= rounds; round++) {
                for (int i = 0; i < programs.size(); i++) {
                    long begin = System.nanoTime();
                    programs.get(i).run(computation);
                    programs.get(i).stream().synchronize();
                    if (round > 0) {
                        times.get(i).add(Math.round((System.nanoTime() - begin) * 1e-5) / 10.0);
                    }
                }
            }
        } finally {
            programs.forEach(Program::close);
        }
    }
}
