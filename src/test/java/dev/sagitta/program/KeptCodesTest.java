package dev.sagitta.program;

import static dev.sagitta.graph.pass.Emitter.values;
import static org.assertj.core.api.Assertions.assertThat;

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
import dev.sagitta.graph.loss.ElementwiseLoss;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Kept;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.codec.Codec;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** An op may read what is kept as it is stored: then nothing is unpacked for it. */
class KeptCodesTest {
    private static final int WIDTH = 300;

    /** Counts what is unpacked. */
    private static final class Counting implements SavedStore {
        private final SavedStore store = ActivationPolicy.parse("4").store();
        private final List<String> restored = new ArrayList<>();

        @Override
        public Kept keep(Emitter e, SavedTensor tensor, Value value) {
            SavedStore.Kept kept = store.keep(e, tensor, value);
            return new Kept() {
                @Override
                public Value restore(Emitter emitter) {
                    restored.add(tensor.name());
                    return kept.restore(emitter);
                }

                @Override
                public dev.sagitta.graph.pass.Kept.Codes codes() {
                    return kept.codes();
                }
            };
        }
    }

    @Test
    void whoReadsCodesHasNothingUnpacked() {
        Counting direct = new Counting();
        Counting byValue = new Counting();
        float[] one = gradient(true, direct);
        assertThat(one).isEqualTo(gradient(false, byValue));
        // the head reads its input as a value in both
        assertThat(direct.restored).containsExactly("square");
        assertThat(byValue.restored).containsExactly("square", "fc1");
    }

    private static float[] gradient(boolean codes, SavedStore store) {
        GraphBuilder b = GraphBuilder.features(16);
        Node h = b.add("square", new Square(codes), Layers.linear(b, "fc1", b.input(), WIDTH));
        Graph graph = b.build(Layers.linear(b, "head", h, 3), ElementwiseLoss.meanSquaredError());
        NetworkCase network = new NetworkCase("codes", graph, 4, 0, 3);
        try (Program program = Program.compile(
                graph,
                TestDevices.get(TestDevices.one()),
                ProgramOptions.of(4, Computation.GRADIENT).store(store))) {
            network.fill(program);
            program.run(Computation.GRADIENT);
            return program.tensor(ParameterRole.GRADIENT, "fc1.weight").downloadFloats(program.stream());
        }
    }

    /** y = x^2 up to a constant in its backward pass: dx = x dy. */
    private record Square(boolean readsCodes) implements Op {
        private static final Keep X = Keep.input(0);

        @Override
        public String type() {
            return "square";
        }

        @Override
        public List<ArrayType> outputs(List<ArrayType> inputs) {
            return inputs;
        }

        @Override
        public List<Keep> keeps() {
            return List.of(X);
        }

        @Override
        public void forward(Forward f) {
            ToyOps.product(f, "y", f.in(0), f.in(0), f.out(0));
        }

        @Override
        public void backward(Backward b) {
            Value dx = b.cotangentOf(0);
            Value x = readsCodes ? unpacked(b, b.kept(X).codes()) : b.kept(X).value();
            ToyOps.product(b, "dx", x, b.cotangent(0), dx);
        }

        /** What a kernel that reads codes would do on its own. */
        private static Value unpacked(Backward b, Kept.Codes kept) {
            Value x = b.scratch("x", b.input(0).shape().prepend(b.batch()));
            b.emit(
                    "read codes",
                    values(kept.codes(), kept.grid()),
                    values(x),
                    t -> Codec.unpack(kept.format(), t.tensor(kept.codes()), t.tensor(kept.grid()), t.tensor(x)));
            return x;
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
