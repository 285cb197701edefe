package dev.sagitta.program.compile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.kernel.Function;
import dev.sagitta.program.Computation;
import dev.sagitta.tensor.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The plan is a function of graph and computation: no device here. */
class KeepPlanTest {
    private static final int WIDTH = 8;

    @Test
    void aChainKeepsEachValueOnceUnderTheNameOfWhatGivesIt() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node h = Layers.activation(b, "gelu", Layers.linear(b, "fc1", b.input(), WIDTH), Function.GELU);
        h = Layers.activation(b, "relu", Layers.linear(b, "fc2", h, WIDTH), Function.RELU);
        List<KeptValue> kept = plan(b, Layers.linear(b, "fc3", h, 3), Computation.GRADIENT);
        assertThat(kept).extracting(KeptValue::name).containsExactly("input", "fc1", "gelu", "relu.mask", "relu");
        assertThat(kept).extracting(KeptValue::isCompressible).containsExactly(false, true, true, false, true);
        assertThat(kept).extracting(KeptValue::linear).containsExactly(true, false, true, true, true);
        assertThat(kept).extracting(KeptValue::free).containsExactly(true, false, false, false, false);
        assertThat(kept.get(3).source()).isEqualTo(Keep.Source.BITS);
    }

    /** Packed behind the last reader of the forward pass, not behind the first. */
    @Test
    void aResidualIsPackedBehindItsLastReader() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node stem = Layers.linear(b, "stem", b.input(), WIDTH);
        Node act = Layers.activation(b, "act", stem, Function.TANH);
        Node sum = Layers.add(b, "sum", stem, act);
        KeptValue value = plan(b, Layers.linear(b, "head", sum, 3), Computation.GRADIENT).stream()
                .filter(kept -> kept.name().equals("stem"))
                .findFirst()
                .orElseThrow();
        assertThat(value.packedAfter()).isEqualTo(sum.index());
        assertThat(value.readers()).containsExactly(act);
        assertThat(value.freedAfter()).isEqualTo(act.index());
    }

    /** Projections side by side share one unpacked copy; a reader far away has its own. */
    @Test
    void neighboursShareACopy() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node x = Layers.activation(b, "x", Layers.linear(b, "in", b.input(), WIDTH), Function.TANH);
        Node q = Layers.linear(b, "q", x, WIDTH);
        Node k = Layers.linear(b, "k", x, WIDTH);
        Node v = Layers.linear(b, "v", x, WIDTH);
        Node h = Layers.add(b, "kv", k, v);
        for (int i = 0; i < 3; i++) {
            h = Layers.activation(b, "act" + i, h, Function.TANH);
        }
        Node far = Layers.linear(b, "far", x, WIDTH);
        Node sum = Layers.add(b, "sum", Layers.add(b, "all", q, h), far);
        KeptValue value = plan(b, Layers.linear(b, "head", sum, 3), Computation.GRADIENT).stream()
                .filter(kept -> kept.name().equals("x"))
                .findFirst()
                .orElseThrow();
        assertThat(value.runs()).containsExactly(List.of(far), List.of(v, k, q));
        assertThat(value.freedAfter()).isEqualTo(q.index());
    }

    /** A view is the value it shows. */
    @Test
    void viewsAreNotKeptBesideWhatTheyShow() {
        GraphBuilder b = GraphBuilder.features(2, 4);
        Node h = Layers.activation(b, "act", Layers.linear(b, "fc1", b.input(), 4), Function.TANH);
        Node flat = Layers.dropout(b, "drop", Layers.flatten(b, "flat", h), 0.5f);
        Graph graph = b.build(Layers.linear(b, "fc2", flat, 3), new CrossEntropy(-100));
        assertThat(KeepPlan.of(graph, Computation.GRADIENT, false).values())
                .extracting(KeptValue::name)
                .containsExactly("input", "fc1", "act");
        assertThat(KeepPlan.of(graph, Computation.GRADIENT, true).values())
                .extracting(KeptValue::name)
                .containsExactly("input", "fc1", "drop");
    }

    @Test
    void whatIsNotTrainedKeepsNothing() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node fixed = Layers.activation(b, "fixed", b.input(), Function.TANH);
        List<KeptValue> kept = plan(b, Layers.linear(b, "head", fixed, 3), Computation.GRADIENT);
        assertThat(kept).extracting(KeptValue::name).containsExactly("fixed");
    }

    /** Nothing is kept for layers that the loss does not see. */
    @Test
    void whatTheLossDoesNotSeeKeepsNothing() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node h = Layers.linear(b, "fc", b.input(), WIDTH);
        Layers.activation(b, "aside", Layers.linear(b, "branch", h, WIDTH), Function.RELU);
        assertThat(plan(b, Layers.linear(b, "head", h, 3), Computation.GRADIENT))
                .extracting(KeptValue::name)
                .containsExactly("input", "fc");
    }

    /** No cotangent goes back through choices, and no codec touches them. */
    @Test
    void choicesAreExactAndPassNoDerivativesOn() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node choice = b.add("choice", new Choice(), Layers.linear(b, "fc", b.input(), WIDTH));
        Node rows = Layers.embedding(b, "rows", choice, 9, 4);
        Graph graph = b.build(Layers.linear(b, "head", Layers.flatten(b, "flat", rows), 3), new CrossEntropy(-100));
        List<KeptValue> kept = KeepPlan.of(graph, Computation.GRADIENT, false).values();
        assertThat(kept).extracting(KeptValue::name).containsExactly("choice", "rows");
        assertThat(kept).extracting(KeptValue::isCompressible).containsExactly(false, true);
        Trained trained = new Trained(graph, false);
        assertThat(trained.input(rows, 0)).isFalse();
        assertThat(trained.at(rows)).isTrue();
    }

    /** A number per example, as arg-max: the plan asks for no more. */
    private record Choice() implements Op {
        @Override
        public String type() {
            return "choice";
        }

        @Override
        public List<ArrayType> outputs(List<ArrayType> inputs) {
            return List.of(ArrayType.i32(Shape.of(2)));
        }

        @Override
        public void forward(Forward f) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void backward(Backward b) {
            throw new UnsupportedOperationException();
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

    @ParameterizedTest
    @EnumSource
    void onlyComputationsWithABackwardPassKeep(Computation computation) {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        List<KeptValue> kept =
                plan(b, Layers.linear(b, "head", Layers.linear(b, "fc", b.input(), WIDTH), 3), computation);
        assertThat(kept.isEmpty()).isEqualTo(!computation.keepsActivations());
    }

    private static List<KeptValue> plan(GraphBuilder b, Node output, Computation computation) {
        return KeepPlan.of(b.build(output, new CrossEntropy(-100)), computation, false)
                .values();
    }
}
