package dev.sagitta.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a packed checkpoint may hold, and plans from outside. No device is needed to refuse a file. */
class PackedFileTest {
    private static final QuantFormat FORMAT = new QuantFormat(3, 16, false);
    private static final int MUTANTS = 3000;

    @TempDir
    Path folder;

    private Path path;
    private List<HostTensor> tensors;
    private String quant;

    @BeforeEach
    void build() {
        path = folder.resolve("q.safetensors");
        quant = new QuantPlan(Map.of("fc1.weight", FORMAT)).toJson();
        tensors = new ArrayList<>(QuantFixture.parameters(QuantFixture.MLP.toGraph(), 1));
        tensors.remove(0);
        tensors.add(HostTensor.allocate("fc1.weight.packed", DType.U32, Shape.of(41, 4)));
        tensors.add(HostTensor.of("fc1.weight.scales", Shape.of(41, 3), new float[41 * 3]));
        tensors.add(HostTensor.of("fc1.weight.zeros", Shape.of(41, 3), new float[41 * 3]));
    }

    private void set(HostTensor tensor) {
        tensors.removeIf(old -> old.name().equals(tensor.name()));
        tensors.add(tensor);
    }

    private HostTensor tensor(String name) {
        return tensors.stream().filter(t -> t.name().equals(name)).findFirst().orElseThrow();
    }

    private void write() {
        Checkpoint.write(path, QuantFixture.MLP, tensors, Map.of(Checkpoint.QUANT, quant));
    }

    private static List<PackedTensors> read(Path file) {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            return StoredModel.packed(checkpoint, QuantPlan.of(checkpoint));
        }
    }

    private void refused(String message) {
        write();
        assertThatThrownBy(() -> read(path)).isInstanceOf(DataException.class).hasMessageContaining(message);
    }

    @Test
    void aGoodFileIsRead() {
        write();
        PackedTensors read = read(path).get(0);
        assertThat(read.format()).isEqualTo(FORMAT);
        assertThat(read.bytes()).isEqualTo(4 * (41 * 4 + 2 * 41 * 3));
        assertThat(read.tensors()).hasSize(3);
    }

    @Test
    void tensorsOfAnotherShapeOrTypeAreNamed() {
        set(HostTensor.allocate("fc1.weight.packed", DType.U32, Shape.of(41, 5)));
        refused("tensor 'fc1.weight.packed' is U32 [41, 5], sagitta.quant and the model expect U32 [41, 4]");
        set(HostTensor.allocate("fc1.weight.packed", DType.I32, Shape.of(41, 4)));
        refused("'fc1.weight.packed' is I32 [41, 4]");
        build();
        set(HostTensor.allocate("fc1.weight.scales", DType.F16, Shape.of(41, 3)));
        refused("'fc1.weight.scales' is F16 [41, 3]");
        build();
        tensors.removeIf(t -> t.name().endsWith(".zeros"));
        refused("tensor 'fc1.weight.zeros' [41, 3] of a packed weight is missing");
    }

    @Test
    void valuesThatNoWriterMakesAreNamed() {
        tensor("fc1.weight.scales").bytes().putFloat(4 * 7, Float.NaN);
        refused("'fc1.weight.scales' holds NaN at [2, 1]");
        tensor("fc1.weight.scales").bytes().putFloat(4 * 7, 3e38f);
        refused("packed weight 'fc1.weight': group 1 of row 2 reaches beyond fp32");
        build();
        // 37 codes of 3 bits end 15 bits into the fourth word
        tensor("fc1.weight.packed").bytes().putInt(4 * 11, 0x7fff);
        write();
        read(path);
        tensor("fc1.weight.packed").bytes().putInt(4 * 11, 0x8000);
        refused("row 2 has bits behind its 37 codes");
    }

    @Test
    void metadataThatDoesNotFitIsNamed() {
        String entry = "{\"name\":\"%s\",\"bits\":%s,\"group\":%s,\"symmetric\":%s}";
        String good = entry.formatted("fc1.weight", 3, 16, false);
        for (String[] bad : new String[][] {
            {"{}", "field 'weights' is missing"},
            {"{\"weights\":[]}", "'fc1.weight' is packed, and sagitta.quant does not say how"},
            {"{\"weights\":[" + good + "," + good + "]}", "'fc1.weight' stands twice"},
            {
                "{\"weights\":[" + entry.formatted("fc1.bias", 3, 16, false) + "]}",
                "'fc1.bias' is no weight that can be packed"
            },
            {
                "{\"weights\":[" + entry.formatted("fc2.weight", 3, 16, false) + "]}",
                "there is no tensor 'fc2.weight.packed'"
            },
            {
                "{\"weights\":[" + entry.formatted("fc1.weight", 5, 16, false) + "]}",
                "5 bits per weight, expected 2, 3, 4 or 8"
            },
            {"{\"weights\":[" + entry.formatted("fc1.weight", 3, 0, false) + "]}", "'group' is 0"},
            {"{\"weights\":[" + entry.formatted("fc1.weight", 3, 32, false) + "]}", "'fc1.weight.scales' is F32 [41, 3]"
            },
            {"{\"weights\":[" + entry.formatted("fc1.weight", 3, 16, true) + "]}", "calls 'fc1.weight' symmetric"},
            {
                "{\"weights\":[" + entry.formatted("fc1.weight", 3, 16, "1") + "]}",
                "'symmetric' is 1, expected true or false"
            },
            {"{\"weights\":[" + good + "],\"x\":1}", "unknown field 'x'"},
        }) {
            quant = bad[0];
            refused(bad[1]);
        }
    }

    @Test
    void damagedFilesAreReadOrRefused() throws IOException {
        write();
        byte[] good = Files.readAllBytes(path);
        int header = ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).getInt();
        String[] tokens = {
            "0", "-1", "7", "1e9", "4294967296", "true", "\"", "{", "]", ",", "U32", "F32", "symmetric", "fc2"
        };
        int refused = 0;
        for (int mutant = 0; mutant < MUTANTS; mutant++) {
            Random random = new Random(mutant);
            StringBuilder json = new StringBuilder(new String(good, 8, header, StandardCharsets.UTF_8));
            byte[] data = java.util.Arrays.copyOfRange(good, 8 + header, good.length);
            for (int edit = random.nextInt(3); edit >= 0; edit--) {
                int at = random.nextInt(json.length());
                int end = Math.min(json.length(), at + random.nextInt(4));
                json.replace(at, end, random.nextBoolean() ? tokens[random.nextInt(tokens.length)] : "");
            }
            data[random.nextInt(data.length)] ^= (byte) (1 << random.nextInt(8));
            if (random.nextInt(8) == 0) {
                data = java.util.Arrays.copyOf(data, random.nextInt(data.length));
            }
            byte[] text = json.toString().getBytes(StandardCharsets.UTF_8);
            ByteBuffer file = ByteBuffer.allocate(8 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
            Path damaged = folder.resolve("mutant");
            Files.write(damaged, file.putLong(text.length).put(text).put(data).array());
            try {
                read(damaged);
            } catch (DataException e) {
                refused++;
                assertThat(e.getMessage()).doesNotContainPattern("\\p{Cntrl}").isNotBlank();
            } catch (RuntimeException | Error e) {
                fail("mutant " + mutant, e);
            }
        }
        assertThat(refused).isGreaterThan(MUTANTS / 2);
    }

    @Test
    void plansFromFilesAreChecked() throws IOException {
        Path plan = folder.resolve("plan.json");
        var graph = QuantFixture.MLP.toGraph();
        Files.writeString(
                plan,
                "{\"layers\":[{\"name\":\"fc2.weight\",\"bits\":4,\"omega\":1},{\"name\":\"fc1.weight\",\"bits\":2}],\"x\":1}");
        assertThat(QuantPlan.read(plan, graph, 32, true).formats())
                .isEqualTo(
                        Map.of("fc2.weight", new QuantFormat(4, 32, true), "fc1.weight", new QuantFormat(2, 32, true)));
        for (String[] bad : new String[][] {
            {"{\"layers\":[]}", "names no layer; known: [fc1.weight, fc2.weight, fc3.weight]"},
            {"{\"layers\":[{\"name\":\"fc1\",\"bits\":2}]}", "'fc1' is no weight that can be packed"},
            {"{\"layers\":[{\"name\":\"fc1.weight\",\"bits\":6}]}", "6 bits per weight"},
            {"{\"layers\":[{\"name\":\"fc1.weight\",\"bits\":9}]}", "'bits' is 9"},
            {"{\"layers\":[{\"name\":\"fc1.weight\",\"bits\":2},{\"name\":\"fc1.weight\",\"bits\":2}]}", "stands twice"
            },
            {"{\"layers\":[{\"bits\":2}]}", "field 'name' is missing"},
        }) {
            Files.writeString(plan, bad[0]);
            assertThatThrownBy(() -> QuantPlan.read(plan, graph, 32, true))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining(bad[1]);
        }
    }

    @Test
    void sharedWeightsCountOnceAndTablesStayWhole() {
        assertThat(QuantPlan.eligible(QuantFixture.MLP.toGraph()).stream().map(Parameter::name))
                .containsExactly("fc1.weight", "fc2.weight", "fc3.weight");
        assertThat(QuantPlan.eligible(QuantFixture.CHARACTERS.toGraph()).stream()
                        .map(Parameter::name))
                .containsExactly("fc1.weight");
    }
}
