package dev.sagitta.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.device.Device;
import dev.sagitta.device.Devices;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.huggingface.HuggingFace;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Decoder;
import dev.sagitta.program.NextId;
import dev.sagitta.quant.StoredModel;
import dev.sagitta.train.InitialWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Tokens per second of {@code generate} at temperature 0: {@code DecodeSpeed OUT.json DEVICE TOKENS ROUNDS FOLDER|CHECKPOINT|char-gpt...}. Ids that the host
 * chooses and ids that the device chooses take turns, after three rounds that are not counted; both must be the same ids. A preset has random weights.
 */
public final class DecodeSpeed {
    private static final int WARM_UP = 3;
    private static final int RUN = 64;
    private static final int FIRST = 1;
    private static final int CHARACTERS = 65;

    private final Decoder decoder;
    private final int[] host;
    private final int[] device;
    private final NextId greedy = new NextId(0, 0, 1, 0);

    private DecodeSpeed(Decoder decoder, int tokens) {
        this.decoder = decoder;
        this.host = new int[tokens + 1];
        this.device = new int[tokens + 1];
        host[0] = FIRST;
        device[0] = FIRST;
    }

    public static void main(String[] arguments) throws IOException {
        int tokens = Integer.parseInt(arguments[2]);
        int rounds = Integer.parseInt(arguments[3]);
        ObjectMapper json = new ObjectMapper();
        ObjectNode all = json.createObjectNode();
        try (Device device = Devices.open(arguments[1])) {
            ObjectNode environment = Environment.now(List.of(arguments), device);
            all.set("environment", Environment.of(DecodeSpeed.class, arguments, device));
            ArrayNode results = all.putArray("results");
            for (String model : Arrays.asList(arguments).subList(4, arguments.length)) {
                ObjectNode row = results.addObject();
                row.put("model", Path.of(model).getFileName().toString());
                row.put("tokens", tokens);
                measure(model, device, tokens, rounds, row);
            }
        }
        Files.writeString(
                Path.of(arguments[0]), json.writerWithDefaultPrettyPrinter().writeValueAsString(all) + "\n");
    }

    private static void measure(String model, Device device, int tokens, int rounds, ObjectNode row) {
        if (ModelSpec.PRESETS.contains(model)) {
            Graph graph = ModelSpec.preset(model, tokens).withIds(CHARACTERS).toGraph();
            try (Decoder decoder = new Decoder(graph, device, tokens, options -> options)) {
                Map<String, HostTensor> weights = new HashMap<>();
                InitialWeights.draw(graph, 1).forEach(tensor -> weights.put(tensor.name(), tensor));
                decoder.program()
                        .load(parameter -> weights.get(parameter.name()).bytes());
                new DecodeSpeed(decoder, tokens).rounds(rounds, row);
            }
            return;
        }
        Path path = Path.of(model);
        try (Checkpoint checkpoint =
                        HuggingFace.isFolder(path) ? HuggingFace.open(path, 1, note -> {}) : Checkpoint.open(path);
                StoredModel stored = StoredModel.open(checkpoint, device);
                Decoder decoder = stored.decoder(tokens)) {
            new DecodeSpeed(decoder, tokens).rounds(rounds, row);
        }
    }

    private void rounds(int rounds, ObjectNode row) {
        ArrayNode byHost = row.putArray("hostChooses");
        ArrayNode byDevice = row.putArray("deviceChooses");
        int tokens = host.length - 1;
        for (int round = 0; round < WARM_UP + rounds; round++) {
            long begin = System.nanoTime();
            host();
            long between = System.nanoTime();
            device();
            long end = System.nanoTime();
            if (!Arrays.equals(host, device)) {
                throw new IllegalStateException("the device chose other ids than the host");
            }
            if (round >= WARM_UP) {
                byHost.add(Math.round(tokens / ((between - begin) * 1e-9)));
                byDevice.add(Math.round(tokens / ((end - between) * 1e-9)));
            }
        }
        System.out.println(row);
    }

    private void host() {
        decoder.restart();
        for (int i = 0; i < host.length - 1; i++) {
            decoder.take(host[i]);
            host[i + 1] = greedy.of(decoder.logits());
        }
    }

    private void device() {
        decoder.restart();
        decoder.take(FIRST);
        decoder.choose();
        decoder.chosen(1, 1, device, 1);
        for (int at = 2; at < device.length; ) {
            int run = Math.min(RUN, device.length - at);
            for (int i = 0; i < run; i++) {
                decoder.takeChosen();
                decoder.choose();
            }
            decoder.chosen(at, run, device, at);
            at += run;
        }
    }
}
