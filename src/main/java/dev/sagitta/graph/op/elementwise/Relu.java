package dev.sagitta.graph.op.elementwise;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.elementwise.Mask;
import dev.sagitta.kernel.elementwise.Pointwise;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = max(z, 0). Everything after the forward pass is a product with the mask [z > 0], which is what is kept: one bit per element. */
public record Relu() implements LinearOp {
    public static final OpType TYPE = OpType.of("relu", 1, Function.RELU.says(), m -> new Relu());

    private static final int BITS_PER_WORD = 32;
    private static final Keep MASK = Keep.bits("mask");

    @Override
    public String type() {
        return "relu";
    }

    @Override
    public Images images() {
        return Images.BY_ELEMENTS;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        return List.of(inputs.get(0));
    }

    @Override
    public List<Keep> keeps() {
        return List.of(MASK);
    }

    @Override
    public void forward(Forward f) {
        Value z = f.in(0);
        Value y = f.out(0);
        Shape words = Shape.of((z.elements() + BITS_PER_WORD - 1) / BITS_PER_WORD);
        Value mask = f.keep(MASK, DType.U32, words);
        f.emit(
                "forward",
                values(z),
                values(y, mask),
                t -> mask == null
                        ? Pointwise.forward(Function.RELU, t.tensor(z), t.tensor(y))
                        : Mask.relu(t.tensor(z), t.tensor(y), t.tensor(mask)));
    }

    @Override
    public void apply(Apply a) {
        masked(a, "tangent", a.in(0), a.out(0));
    }

    @Override
    public void transpose(Transpose a) {
        if (a.wants(0)) {
            masked(a, "input.cotangent" + a.suffix(), a.cotangent(0), a.cotangentOf(0));
        }
    }

    private static void masked(View view, String what, Value in, Value out) {
        Value mask = view.kept(MASK);
        long n = in.elements() / view.copies();
        view.pass()
                .emit(
                        what,
                        values(mask, in),
                        values(out),
                        t -> Mask.apply(t.tensor(mask), n, t.tensor(in), t.tensor(out)));
    }
}
