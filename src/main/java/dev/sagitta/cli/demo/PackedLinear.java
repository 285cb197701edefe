package dev.sagitta.cli.demo;

import static dev.sagitta.graph.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Emitter;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Value;
import dev.sagitta.kernel.PackedWeights;
import dev.sagitta.kernel.QMatmul;
import dev.sagitta.kernel.QuantFormat;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = x W' + b with W in low bits, multiplied as it is packed. Forward only. */
record PackedLinear(String weight, QuantFormat format, long out, long in, Parameter bias) implements Op {
    @Override
    public String type() {
        return "packed linear";
    }

    @Override
    public Shape outputShape(List<Shape> inputs) {
        long[] extents = inputs.get(0).toArray();
        extents[extents.length - 1] = out;
        return Shape.of(extents);
    }

    @Override
    public List<Parameter> parameters() {
        return bias == null ? List.of() : List.of(bias);
    }

    @Override
    public Value forward(Emitter e, OpContext c) {
        PackedWeights.Layout panels = PackedWeights.Layout.PANELS;
        Shape groupsShape = PackedWeights.groupsShape(format, panels, out, in);
        Value words = e.persistent(
                weight + ".words",
                DType.U32,
                PackedWeights.wordsShape(format, panels, out, in),
                MemoryCategory.WEIGHTS);
        Value scales = e.persistent(weight + ".scales", DType.F32, groupsShape, MemoryCategory.WEIGHTS);
        Value offsets = e.persistent(weight + ".offsets", DType.F32, groupsShape, MemoryCategory.WEIGHTS);
        Value b = bias == null ? null : c.parameter().apply(bias);
        Value x = c.input();
        Value y = c.newOutput(e);
        e.emit(
                c.name() + ".forward",
                values(x, words, scales, offsets, b),
                values(y),
                t -> new QMatmul(
                        t.tensor(x),
                        new PackedWeights(
                                format, panels, out, in, t.tensor(words), t.tensor(scales), t.tensor(offsets)),
                        t.tensor(b),
                        t.tensor(y)));
        return y;
    }

    @Override
    public Value[] backward(Emitter e, OpContext c) {
        throw forwardOnly();
    }

    @Override
    public Value tangent(Emitter e, OpContext c) {
        throw forwardOnly();
    }

    @Override
    public Value[] tangentBackward(Emitter e, OpContext c) {
        throw forwardOnly();
    }

    private UnsupportedOperationException forwardOnly() {
        return new UnsupportedOperationException(
                "linear '" + weight + "': packed weights have no gradient; compute it on the unpacked model");
    }
}
