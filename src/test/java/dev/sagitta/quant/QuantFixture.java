package dev.sagitta.quant;

import dev.sagitta.data.DataRows;
import dev.sagitta.data.DataSet;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.program.Rows;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Small models with random weights and rows, and packed weights read as docs/packed-weights.md says, in plain Java. */
final class QuantFixture {
    /** K of no multiple of a group, of 16 or of 32; a weight shared by two linear layers. */
    static final ModelSpec MLP = ModelSpec.parse("""
            {"input": {"shape": [37]}, "loss": "cross_entropy",
             "layers": [{"type": "linear", "name": "fc1", "out": 41}, {"type": "gelu"},
                        {"type": "linear", "name": "fc2", "out": 41, "bias": false}, {"type": "silu"},
                        {"type": "linear", "name": "again", "tied": "fc2.weight"}, {"type": "tanh"},
                        {"type": "linear", "name": "fc3", "out": 7}]}
            """, "mlp");

    /** The output layer is tied to the embedding's table: only fc1 can be packed. */
    static final ModelSpec CHARACTERS = ModelSpec.parse("""
            {"input": {"shape": [3], "type": "ids"}, "loss": "cross_entropy",
             "layers": [{"type": "embedding", "name": "embed", "rows": 9, "width": 8}, {"type": "flatten"},
                        {"type": "linear", "name": "fc1", "out": 8}, {"type": "tanh"},
                        {"type": "linear", "name": "out", "tied": "embed.weight"}]}
            """, "characters");

    private QuantFixture() {}

    static List<HostTensor> parameters(Graph graph, long seed) {
        Random random = new Random(seed);
        List<HostTensor> tensors = new ArrayList<>();
        for (Parameter parameter : graph.parameters()) {
            HostTensor tensor = HostTensor.allocate(parameter.name(), DType.F32, parameter.shape());
            double deviation = 1 / Math.sqrt(parameter.shape().extent(-1));
            for (int i = 0; i < tensor.elements(); i++) {
                tensor.bytes().putFloat(4 * i, (float) (random.nextGaussian() * deviation));
            }
            tensors.add(tensor);
        }
        return tensors;
    }

    static Checkpoint checkpoint(Path path, ModelSpec model, long seed) {
        Checkpoint.write(path, model, parameters(model.toGraph(), seed), Map.of());
        return Checkpoint.open(path);
    }

    /** Random rows: standard normal features or ids below 9, labels below the number of classes. */
    static DataSet data(Graph graph, int count, long seed) {
        Random random = new Random(seed);
        int inputs = (int) graph.input().shape().elements();
        int classes = (int) graph.output().shape().elements();
        int[] labels = random.ints(count, 0, classes).toArray();
        boolean ids = graph.inputType() == DType.I32;
        HostTensor x = HostTensor.allocate("inputs", graph.inputType(), Shape.of(count, inputs));
        for (int i = 0; i < count * inputs; i++) {
            if (ids) {
                x.bytes().putInt(4 * i, random.nextInt(9));
            } else {
                x.bytes().putFloat(4 * i, (float) random.nextGaussian());
            }
        }
        return DataSet.of(x, HostTensor.of("labels", Shape.of(count), labels));
    }

    static Rows rows(Graph graph, int count, long seed) {
        return DataRows.of(data(graph, count, seed));
    }

    /** The same rows with every label but each third left out, and all of those from {@code from} on. */
    static DataSet withIgnored(DataSet data, int from) {
        int n = data.size();
        int inputs = (int) data.inputShape().elements();
        ByteBuffer x = ByteBuffer.allocateDirect(data.inputBytes(n)).order(ByteOrder.nativeOrder());
        ByteBuffer y = ByteBuffer.allocateDirect(data.targetBytes(n)).order(ByteOrder.nativeOrder());
        data.batch(0, n, x, y);
        for (int i = 0; i < n; i++) {
            if (i % 3 != 0 || i >= from) {
                y.putInt(4 * i, CrossEntropy.IGNORED_LABEL);
            }
        }
        return DataSet.of(
                new HostTensor("inputs", data.inputType(), Shape.of(n, inputs), x),
                new HostTensor("labels", DType.I32, Shape.of(n), y));
    }

    /** w[n, k] = scale (code - 2^(bits - 1)) + zero, bit by bit from the file's tensors. */
    static float[] unpack(Checkpoint file, String name, QuantFormat format, int n, int k) {
        ByteBuffer codes = file.tensor(name + ".packed").bytes();
        float[] scales = file.tensor(name + ".scales").toFloats();
        float[] zeros = format.symmetric() ? null : file.tensor(name + ".zeros").toFloats();
        int rowBytes = (k * format.bits() + 31) / 32 * 4;
        int groups = (k + format.group() - 1) / format.group();
        float[] weights = new float[n * k];
        for (int row = 0; row < n; row++) {
            for (int e = 0; e < k; e++) {
                int code = 0;
                for (int b = 0; b < format.bits(); b++) {
                    int bit = e * format.bits() + b;
                    code |= (codes.get(row * rowBytes + bit / 8) >> bit % 8 & 1) << b;
                }
                int g = row * groups + e / format.group();
                float centred = code - (1 << format.bits() - 1);
                weights[row * k + e] = Math.fma(scales[g], centred, zeros == null ? 0 : zeros[g]);
            }
        }
        return weights;
    }
}
