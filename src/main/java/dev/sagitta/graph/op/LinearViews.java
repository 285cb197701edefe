package dev.sagitta.graph.op;

import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.Value;
import java.util.function.IntFunction;

/** The four modes of a {@link LinearOp} as its two. */
final class LinearViews {
    private LinearViews() {}

    static boolean hasTangents(LinearOp op, Tangent t) {
        for (Parameter parameter : op.parameters()) {
            if (t.tangentOf(parameter) != null) {
                return true;
            }
        }
        for (int i = 0; i < t.inputs(); i++) {
            if (t.tangentIn(i) != null) {
                return true;
            }
        }
        return false;
    }

    record OfValues(Forward pass) implements LinearOp.Apply {
        @Override
        public int copies() {
            return 1;
        }

        @Override
        public String suffix() {
            return "";
        }

        @Override
        public Value kept(Keep what) {
            if (what.source() != Keep.Source.INPUT) {
                throw new IllegalStateException(pass.name() + ": '" + what + "' is not there before the forward pass");
            }
            return pass.in(what.index());
        }

        @Override
        public Value in(int i) {
            return pass.in(i);
        }

        @Override
        public Value of(Parameter p) {
            return pass.parameter(p);
        }

        @Override
        public Value out(int i) {
            return pass.out(i);
        }

        @Override
        public void pass(int i, Value view) {
            pass.pass(i, view);
        }
    }

    record OfTangents(Tangent pass) implements LinearOp.Apply {
        @Override
        public int copies() {
            return pass.probes();
        }

        @Override
        public String suffix() {
            return ".tangent";
        }

        @Override
        public Value kept(Keep what) {
            return pass.kept(what).value();
        }

        @Override
        public Value in(int i) {
            return pass.tangentIn(i);
        }

        @Override
        public Value of(Parameter p) {
            return pass.tangentOf(p);
        }

        @Override
        public Value out(int i) {
            return pass.tangentOut(i);
        }

        @Override
        public void pass(int i, Value view) {
            pass.pass(i, view);
        }
    }

    /** @param cotangents of outputs: the primal ones, or K tangents of them */
    record OfCotangents(Backward pass, int copies, String suffix, IntFunction<Value> cotangents)
            implements LinearOp.Transpose {
        @Override
        public Value kept(Keep what) {
            return pass.kept(what).value();
        }

        @Override
        public Value cotangent(int output) {
            return cotangents.apply(output);
        }

        @Override
        public boolean wants(int input) {
            return pass.wants(input);
        }

        @Override
        public Value cotangentOf(int input) {
            return pass.cotangentOf(input);
        }

        @Override
        public void send(int input, Value value) {
            pass.send(input, value);
        }

        @Override
        public Backward.Gradient gradient(Parameter p) {
            return pass.gradient(p);
        }
    }
}
