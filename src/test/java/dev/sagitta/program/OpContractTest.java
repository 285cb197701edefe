package dev.sagitta.program;

import static dev.sagitta.graph.pass.Emitter.values;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.fixture.NetworkCase;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.fixture.ToyOps;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.graph.loss.ElementwiseLoss;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
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
        Node x = Layers.activation(b, "pre", b.input(), Function.TANH);
        Graph graph = b.build(
                b.add("gate", new ToyOps.Multiply(), x, Layers.linear(b, "fc", x, WIDTH)),
                ElementwiseLoss.meanSquaredError());
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

    // ---- what an op declares and what it reads ----

    @ParameterizedTest
    @ValueSource(strings = {"none", "4"})
    void refusesAnOutputThatTheOpRemembered(String policy) {
        assertThatThrownBy(() -> compile(new Square(List.of(), Source.OWN_OUTPUT), policy))
                .hasMessageContaining("layer 'square' (square)")
                .hasMessageContaining("list it in keeps()");
    }

    @Test
    void refusesWhatIsNotDeclared() {
        assertThatThrownBy(() -> compile(new Square(List.of(Keep.own("r")), Source.KEPT), "none"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("square 'square': backward reads 'input0', which keeps() does not declare; declared: r");
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "4"})
    void grantsWhatIsDeclared(String policy) {
        ProgramMemory memory = compile(new Square(List.of(Square.X), Source.KEPT), policy);
        long kept = policy.equals("none") ? 32 * 256 * 4 : 32 * 256 / 2 + 32 * 256 / 256 * 4;
        // the network's own input, which fc1 keeps, is not kept twice
        assertThat(memory.savedBytes()).isEqualTo(2 * kept);
    }

    private static ProgramMemory compile(Op square, String policy) {
        GraphBuilder b = GraphBuilder.features(64);
        Node h = b.add("square", square, Layers.linear(b, "fc1", b.input(), 256));
        Graph graph = b.build(Layers.linear(b, "fc2", h, 10), new CrossEntropy(-100));
        ProgramOptions options = ProgramOptions.of(32, Computation.GRADIENT)
                .store(ActivationPolicy.parse(policy).store());
        try (Program program = Program.compile(graph, TestDevices.get(TestDevices.one()), options)) {
            return program.memory();
        }
    }

    // ---- errors while tasks are bound ----

    @Test
    void anErrorWhileBindingNamesTheLayer() {
        assertThatThrownBy(() -> compile(new Square(List.of(Square.X), Source.NONE), "none"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("layer 'square' (square), task 'square.dx': multiply_f32: ")
                .hasMessageEndingWith(" is missing, expected a tensor");
        assertThatThrownBy(() -> compile(new Square(List.of(Square.X), Source.NOT_LISTED), "none"))
                .hasMessageStartingWith("layer 'square' (square), task 'square.dx': binds value 'square.not listed'");
    }

    // ---- structure, not names ----

    @Test
    void maskBytesAreThoseOfMasksWhateverLayersAreCalled() {
        GraphBuilder b = GraphBuilder.features(64);
        Node h = Layers.activation(b, "gelu.mask", Layers.linear(b, "x.mask", b.input(), 256), Function.GELU);
        h = Layers.activation(b, "relu", Layers.linear(b, "y.mask", h, 256), Function.RELU);
        Graph graph = b.build(Layers.linear(b, "fc.mask", h, 10), new CrossEntropy(-100));
        for (String policy : List.of("none", "2", "auto:2")) {
            ProgramOptions options = ProgramOptions.of(32, Computation.GRADIENT)
                    .store(ActivationPolicy.parse(policy).store());
            try (Program program = Program.compile(graph, TestDevices.get(TestDevices.one()), options)) {
                assertThat(program.memory().maskBytes()).as(policy).isEqualTo(32 * 256 / 8);
            }
        }
    }

    /** A value's noise is as harmful as to the strictest of its readers, in whatever order they come; it is named after what gives it. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aSharedValueTakesItsStrictestReader(boolean linearFirst) {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node h = Layers.linear(b, "fc1", b.input(), WIDTH);
        Node one = linearFirst ? Layers.linear(b, "fc2", h, WIDTH) : Layers.activation(b, "act", h, Function.GELU);
        Node two = linearFirst ? Layers.activation(b, "act", h, Function.GELU) : Layers.linear(b, "fc2", h, WIDTH);
        Graph graph = b.build(Layers.linear(b, "fc3", Layers.add(b, "sum", one, two), 3), new CrossEntropy(-100));
        ProgramOptions options = ProgramOptions.of(BATCH, Computation.GRADIENT)
                .store(ActivationPolicy.parse("auto:4").store());
        try (Program program = Program.compile(graph, TestDevices.get(TestDevices.one()), options)) {
            Map<String, Boolean> linear = new LinkedHashMap<>();
            program.saved().forEach(tensor -> linear.put(tensor.name(), tensor.linear()));
            assertThat(linear).isEqualTo(new LinkedHashMap<>(Map.of("fc1", false, "sum", true)));
        }
    }

    // ---- several outputs, several inputs ----

    /** Two halves of one wire, of which each goes its own way, against the same network of one wire. */
    @ParameterizedTest
    @MethodSource("devices")
    void anOpMayHaveSeveralOutputs(String device) {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node split = b.add("twice", new ToyOps.Twice(), Layers.linear(b, "fc", b.input(), WIDTH));
        assertThat(split.out(1).name()).isEqualTo("twice.1");
        Node gelu = b.add("gelu", new ToyOps.Smooth(), List.of(split.out(1)));
        Graph two = b.build(
                b.add("sum", new ToyOps.Multiply(), List.of(split.out(0), gelu.out())),
                ElementwiseLoss.meanSquaredError());
        GraphBuilder c = GraphBuilder.features(WIDTH);
        Node x = Layers.linear(c, "fc", c.input(), WIDTH);
        Graph one = c.build(
                c.add("sum", new ToyOps.Multiply(), x, Layers.activation(c, "gelu", x, Function.GELU)),
                ElementwiseLoss.meanSquaredError());
        assertThat(everything(two, device)).isEqualTo(everything(one, device));
    }

    /** An output that nobody reads has no cotangent. */
    @Test
    void anOutputMayBeUnused() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node split = b.add("twice", new ToyOps.Twice(), Layers.linear(b, "fc", b.input(), WIDTH));
        Graph graph = b.build(split.out(1), ElementwiseLoss.meanSquaredError());
        GraphBuilder c = GraphBuilder.features(WIDTH);
        Graph plain = c.build(Layers.linear(c, "fc", c.input(), WIDTH), ElementwiseLoss.meanSquaredError());
        String device = TestDevices.one();
        assertThat(everything(graph, device)).isEqualTo(everything(plain, device));
    }

    @Test
    void aGraphMayHaveInputsByName() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node mask = b.input("mask", ArrayType.f32(Shape.of(WIDTH)));
        Graph graph = b.build(
                b.add("masked", new ToyOps.Multiply(), mask, Layers.linear(b, "fc", b.input(), WIDTH)),
                ElementwiseLoss.meanSquaredError());
        try (Program program =
                Program.compile(graph, TestDevices.get(TestDevices.one()), ProgramOptions.of(1, Computation.PREDICT))) {
            program.tensor("input").upload(program.stream(), new float[] {1, 0, 0, 0, 0, 0});
            program.tensor("fc.bias").upload(program.stream(), new float[] {1, 2, 3, 4, 5, 6});
            program.input("mask").upload(program.stream(), new float[] {1, 0, 1, 0, 1, 0});
            program.run(Computation.PREDICT);
            assertThat(program.tensor("output").downloadFloats(program.stream()))
                    .containsExactly(1, 0, 3, 0, 5, 0);
        }
        GraphBuilder c = GraphBuilder.features(WIDTH);
        Node target = c.input("target", ArrayType.f32(Shape.of(WIDTH)));
        Graph clash = c.build(
                c.add("masked", new ToyOps.Multiply(), target, Layers.linear(c, "fc", c.input(), WIDTH)),
                ElementwiseLoss.meanSquaredError());
        assertThatThrownBy(() -> Program.compile(
                        clash, TestDevices.get(TestDevices.one()), ProgramOptions.of(1, Computation.PREDICT)))
                .hasMessageContaining("input 'target' has the name of a value that every program has");
        assertThatThrownBy(() -> b.input("fc", ArrayType.f32(Shape.of(1)))).hasMessageContaining("the name is taken");
    }

    // ---- an op that keeps its output and a value of its own ----

    /** y = exp-like of the input: all derivatives from the output and from what forward made. */
    @ParameterizedTest
    @MethodSource("devices")
    void keepsAnOutputAndAValueOfItsOwn(String device) {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Graph own = b.build(
                b.add("square", new ToyOps.OwnSquare(), Layers.linear(b, "fc", b.input(), WIDTH)),
                ElementwiseLoss.meanSquaredError());
        GraphBuilder c = GraphBuilder.features(WIDTH);
        Node x = Layers.linear(c, "fc", c.input(), WIDTH);
        Graph plain = c.build(c.add("square", new ToyOps.Multiply(), x, x), ElementwiseLoss.meanSquaredError());
        // the same products and sums in another order: each twice a number
        assertThat(everything(own, device)).isEqualTo(everything(plain, device));
    }

    /** Loss, gradient, Hv and v'Hv of a network, from numbers that its shape alone decides. */
    private static Map<String, List<Float>> everything(Graph graph, String device) {
        NetworkCase network = new NetworkCase("network", graph, BATCH, 0, 3);
        ProgramOptions options = ProgramOptions.of(
                        BATCH, Computation.GRADIENT, Computation.HESSIAN_VECTOR, Computation.HESSIAN_QUADRATIC)
                .probes(1);
        Map<String, List<Float>> result = new LinkedHashMap<>();
        try (Program program = Program.compile(graph, TestDevices.get(device), options)) {
            network.fill(program);
            network.probes(1, 4)
                    .forEach((name, v) -> program.tensor(name + ".vector").upload(program.stream(), v));
            for (Computation computation : options.computations()) {
                program.run(computation);
            }
            for (String name :
                    List.of("fc.weight.gradient", "fc.bias.gradient", "fc.weight.product", "quadratic", "loss")) {
                result.put(name, list(program.tensor(name).downloadFloats(program.stream())));
            }
        }
        return result;
    }

    private static List<Float> list(float[] values) {
        List<Float> list = new ArrayList<>();
        for (float value : values) {
            list.add(value);
        }
        return list;
    }

    /** What {@link Square} multiplies dy by. */
    private enum Source {
        KEPT,
        OWN_OUTPUT,
        NONE,
        NOT_LISTED
    }

    /** y = x^2, up to a constant in its backward pass. */
    private record Square(List<Keep> keeps, Source source, List<Value> remembered) implements Op {
        static final Keep X = Keep.input(0);

        Square(List<Keep> keeps, Source source) {
            this(keeps, source, new ArrayList<>());
        }

        @Override
        public String type() {
            return "square";
        }

        @Override
        public List<ArrayType> outputs(List<ArrayType> inputs) {
            return inputs;
        }

        @Override
        public void forward(Forward f) {
            remembered.add(f.out(0));
            ToyOps.product(f, "y", f.in(0), f.in(0), f.out(0));
        }

        @Override
        public void backward(Backward b) {
            Value x =
                    switch (source) {
                        case KEPT -> b.kept(X).value();
                        case OWN_OUTPUT -> remembered.get(0);
                        case NONE, NOT_LISTED -> null;
                    };
            Value dy = b.cotangent(0);
            Value dx = b.cotangentOf(0);
            Value other = source == Source.NOT_LISTED ? b.scratch("not listed", dx.shape()) : x;
            b.emit(
                    "dx",
                    values(x, dy),
                    values(dx),
                    t -> Arithmetic.multiply(t.tensor(other), t.tensor(dy), t.tensor(dx)));
        }

        @Override
        public void tangent(Tangent t) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void tangentBackward(TangentBackward b) {
            throw new UnsupportedOperationException();
        }
    }
}
