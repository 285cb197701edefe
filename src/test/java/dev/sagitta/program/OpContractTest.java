package dev.sagitta.program;

import static dev.sagitta.graph.pass.Emitter.values;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.fixture.NetworkCase;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.Saved;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.graph.loss.MeanSquaredError;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the program asks of an op and grants it, with ops that are not ours: some honest, some not. */
class OpContractTest {
    private static final int BATCH = 5;
    private static final int WIDTH = 6;

    static List<String> devices() {
        return TestDevices.names();
    }

    // ---- an op of two inputs of which only the second is trained ----

    /** y = x (W x + b), x fixed: gradient, Hv and v'Hv in closed form. */
    @ParameterizedTest
    @MethodSource("devices")
    void keepsAValueWhereOnlyTheSecondInputIsTrained(String device) {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node x = b.activation("pre", b.input(), Function.TANH);
        Graph graph = b.build(b.add("gate", new Gate(), x, b.linear("fc", x, WIDTH)), new MeanSquaredError());
        NetworkCase network = new NetworkCase("gate", graph, BATCH, 0, 3);
        ProgramOptions options = ProgramOptions.of(
                BATCH, Computation.GRADIENT, Computation.HESSIAN_VECTOR, Computation.HESSIAN_QUADRATIC);
        try (Program program = Program.compile(graph, TestDevices.get(device), options)) {
            network.fill(program);
            Map<String, float[]> v = network.probes(1, 4);
            v.forEach((name, vector) -> program.tensor(name + ".vector").upload(program.stream(), vector));
            float[] raw = program.tensor("input").downloadFloats(program.stream());
            float[] target = program.tensor("target").downloadFloats(program.stream());
            float[] w = program.tensor("fc.weight").downloadFloats(program.stream());
            float[] bias = program.tensor("fc.bias").downloadFloats(program.stream());
            double[] gradient = products(raw, target, w, bias);
            double[] hv = products(raw, new float[target.length], v.get("fc.weight"), v.get("fc.bias"));
            program.run(Computation.GRADIENT);
            close(program.tensor("fc.weight.gradient").downloadFloats(program.stream()), gradient);
            program.run(Computation.HESSIAN_VECTOR);
            close(program.tensor("fc.weight.product").downloadFloats(program.stream()), hv);
            program.run(Computation.HESSIAN_QUADRATIC);
            double quadratic = 0;
            for (int i = 0; i < hv.length; i++) {
                quadratic += hv[i] * v.get("fc.weight")[i];
            }
            float[] hvBias = program.tensor("fc.bias.product").downloadFloats(program.stream());
            for (int i = 0; i < hvBias.length; i++) {
                quadratic += (double) hvBias[i] * v.get("fc.bias")[i];
            }
            assertThat((double) program.tensor("quadratic").downloadFloats(program.stream())[0])
                    .isCloseTo(quadratic, within(1e-5 * Math.abs(quadratic)));
        }
    }

    /** The part towards the weight of the gradient of mean (x (A x + c) - t)^2. */
    private static double[] products(float[] raw, float[] target, float[] a, float[] c) {
        double[] result = new double[WIDTH * WIDTH];
        for (int row = 0; row < BATCH; row++) {
            double[] x = new double[WIDTH];
            for (int i = 0; i < WIDTH; i++) {
                x[i] = Math.tanh(raw[row * WIDTH + i]);
            }
            for (int o = 0; o < WIDTH; o++) {
                double sum = c[o];
                for (int i = 0; i < WIDTH; i++) {
                    sum += a[o * WIDTH + i] * x[i];
                }
                double dy = 2.0 / (BATCH * WIDTH) * (x[o] * sum - target[row * WIDTH + o]);
                for (int i = 0; i < WIDTH; i++) {
                    result[o * WIDTH + i] += dy * x[o] * x[i];
                }
            }
        }
        return result;
    }

    private static void close(float[] actual, double[] expected) {
        double scale = 0;
        for (double value : expected) {
            scale = Math.max(scale, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) actual[i]).isCloseTo(expected[i], within(1e-5 * scale));
        }
    }

    // ---- ops that read what they did not declare ----

    @ParameterizedTest
    @ValueSource(strings = {"none", "4"})
    void refusesAnUndeclaredInput(String policy) {
        assertThatThrownBy(() -> compile(new Square(Saved.NOTHING, Source.INPUT), policy))
                .hasMessageContaining("layer 'square' (square)")
                .hasMessageContaining("declare Saved.INPUT");
    }

    /** Declared or not, the exact input is gone: what was kept is read. */
    @ParameterizedTest
    @ValueSource(strings = {"none", "4"})
    void refusesTheInputBesideWhatWasKept(String policy) {
        assertThatThrownBy(() -> compile(new Square(Saved.INPUT, Source.INPUT), policy))
                .hasMessageContaining("layer 'square' (square)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "4"})
    void refusesAnOutputThatTheOpRemembered(String policy) {
        assertThatThrownBy(() -> compile(new Square(Saved.NOTHING, Source.OWN_OUTPUT), policy))
                .hasMessageContaining("layer 'square' (square)")
                .hasMessageContaining("declare Saved.INPUT");
    }

    @Test
    void refusesASavedValueWhereNoneIsKept() {
        assertThatThrownBy(() -> compile(new Square(Saved.NOTHING, Source.SAVED), "none"))
                .hasMessageContaining("layer 'square' reads a saved value where none was kept");
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "4"})
    void grantsWhatIsDeclared(String policy) {
        ProgramMemory memory = compile(new Square(Saved.INPUT, Source.SAVED), policy);
        long kept = policy.equals("none") ? 32 * 256 * 4 : 32 * 256 / 2 + 32 * 256 / 256 * 4;
        // the network's own input, which fc1 keeps, is not kept twice
        assertThat(memory.savedBytes()).isEqualTo(2 * kept);
    }

    private static ProgramMemory compile(Op square, String policy) {
        GraphBuilder b = GraphBuilder.features(64);
        Node h = b.add("square", square, b.linear("fc1", b.input(), 256));
        Graph graph = b.build(b.linear("fc2", h, 10), new CrossEntropy(-100));
        ProgramOptions options = ProgramOptions.of(32, Computation.GRADIENT)
                .store(ActivationPolicy.parse(policy).store());
        try (Program program = Program.compile(graph, TestDevices.get(TestDevices.one()), options)) {
            program.run(Computation.GRADIENT);
            return program.memory();
        }
    }

    // ---- errors while tasks are bound ----

    @Test
    void anErrorWhileBindingNamesTheLayer() {
        assertThatThrownBy(() -> compile(new Square(Saved.INPUT, Source.NONE), "none"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("layer 'square' (square), task 'dx': ");
        assertThatThrownBy(() -> compile(new Square(Saved.INPUT, Source.NOT_LISTED), "none"))
                .hasMessageStartingWith("layer 'square' (square), task 'dx': binds value 'square.input0.cotangent'");
    }

    // ---- structure, not names ----

    @Test
    void maskBytesAreThoseOfMasksWhateverLayersAreCalled() {
        GraphBuilder b = GraphBuilder.features(64);
        Node h = b.activation("gelu.mask", b.linear("x.mask", b.input(), 256), Function.GELU);
        h = b.activation("relu", b.linear("y.mask", h, 256), Function.RELU);
        Graph graph = b.build(b.linear("fc.mask", h, 10), new CrossEntropy(-100));
        for (String policy : List.of("none", "2", "auto:2")) {
            ProgramOptions options = ProgramOptions.of(32, Computation.GRADIENT)
                    .store(ActivationPolicy.parse(policy).store());
            try (Program program = Program.compile(graph, TestDevices.get(TestDevices.one()), options)) {
                assertThat(program.memory().maskBytes()).as(policy).isEqualTo(32 * 256 / 8);
            }
        }
    }

    /** The policy asks the op, not its type's name. */
    @Test
    void aReaderIsLinearIfItsOpSaysSo() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node fixed = b.activation("fixed", b.input(), Function.TANH);
        Node h = b.add("gate", new Gate(), fixed, b.linear("fc1", b.input(), WIDTH));
        h = b.activation("act", h, Function.GELU);
        Graph graph = b.build(b.linear("fc2", h, 3), new CrossEntropy(-100));
        Map<String, Boolean> linear = new LinkedHashMap<>();
        SavedStore store = (e, tensor, value) -> {
            linear.put(tensor.name(), tensor.linear());
            return SavedStore.EXACT.keep(e, tensor, value);
        };
        ProgramOptions options = ProgramOptions.of(BATCH, Computation.GRADIENT).store(store);
        Program.compile(graph, TestDevices.get(TestDevices.one()), options).close();
        assertThat(linear).containsExactlyInAnyOrderEntriesOf(Map.of("gate", true, "act", false, "fc2", true));
    }

    // ---- the ops ----

    /** y = a b with K = 1 and a not trained: all that is needed later is a. */
    private record Gate() implements Op {
        @Override
        public String type() {
            return "gate";
        }

        @Override
        public Shape outputShape(List<Shape> inputs) {
            return inputs.get(0);
        }

        @Override
        public Saved saved() {
            return Saved.INPUT;
        }

        @Override
        public boolean isLinearInSaved() {
            return true;
        }

        @Override
        public Value forward(Emitter e, OpContext c) {
            return product(e, c.inputs().get(0), c.inputs().get(1), c.newOutput(e));
        }

        @Override
        public Value[] backward(Emitter e, OpContext c) {
            assertThat(c.wantsInput()).containsExactly(false, true);
            return new Value[] {null, product(e, c.saved(), c.cotangent(), c.newCotangent(e, 1))};
        }

        @Override
        public Value tangent(Emitter e, OpContext c) {
            assertThat(c.tangents().get(0)).isNull();
            return product(e, c.saved(), c.tangents().get(1), c.newTangent(e));
        }

        @Override
        public Value[] tangentBackward(Emitter e, OpContext c) {
            return new Value[] {null, product(e, c.saved(), c.cotangentTangent(), c.newCotangentTangent(e, 1))};
        }

        private static Value product(Emitter e, Value a, Value b, Value out) {
            Value second = b.view(a.shape().toArray());
            Value flat = out.view(a.shape().toArray());
            e.emit(
                    out.name(),
                    values(a, second),
                    values(out),
                    t -> Arithmetic.multiply(t.tensor(a), t.tensor(second), t.tensor(flat)));
            return out;
        }
    }

    /** What {@link Square} multiplies dy by. */
    private enum Source {
        SAVED,
        INPUT,
        OWN_OUTPUT,
        NONE,
        NOT_LISTED
    }

    /** y = x^2, up to a constant in its backward pass. */
    private record Square(Saved saved, Source source, List<Value> remembered) implements Op {
        Square(Saved saved, Source source) {
            this(saved, source, new ArrayList<>());
        }

        @Override
        public String type() {
            return "square";
        }

        @Override
        public Shape outputShape(List<Shape> inputs) {
            return inputs.get(0);
        }

        @Override
        public Value forward(Emitter e, OpContext c) {
            Value x = c.input();
            Value y = c.newOutput(e);
            remembered.add(y);
            e.emit("y", values(x), values(y), t -> Arithmetic.multiply(t.tensor(x), t.tensor(x), t.tensor(y)));
            return y;
        }

        @Override
        public Value[] backward(Emitter e, OpContext c) {
            Value x =
                    switch (source) {
                        case SAVED -> c.saved();
                        case INPUT -> c.input();
                        case OWN_OUTPUT -> remembered.get(0);
                        case NONE, NOT_LISTED -> null;
                    };
            Value dy = c.cotangent();
            Value dx = c.newCotangent(e, 0);
            Value other = source == Source.NOT_LISTED ? c.newCotangent(e, 0) : x;
            e.emit(
                    "dx",
                    values(x, dy),
                    values(dx),
                    t -> Arithmetic.multiply(t.tensor(other), t.tensor(dy), t.tensor(dx)));
            return new Value[] {dx};
        }

        @Override
        public Value tangent(Emitter e, OpContext c) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Value[] tangentBackward(Emitter e, OpContext c) {
            throw new UnsupportedOperationException();
        }
    }
}
