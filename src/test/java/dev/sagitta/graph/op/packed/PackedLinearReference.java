package dev.sagitta.graph.op.packed;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.op.gemm.LinearReference;
import dev.sagitta.kernel.packed.PackedReference;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** y = x W' + b with W what the packed words mean. */
public final class PackedLinearReference implements OpReference {
    @Override
    public List<Sample> samples() {
        List<Sample> samples = new ArrayList<>();
        for (int bits : new int[] {2, 3, 4, 8}) {
            samples.add(Sample.of(op(new QuantFormat(bits, 32, bits == 4), 5, 41, bits != 3), Shape.of(3, 41)));
        }
        samples.add(Sample.of(op(new QuantFormat(4, 32, false), 17, 33, true), Shape.of(33))
                .batch(1));
        return samples;
    }

    private static PackedLinear op(QuantFormat format, long out, long in, boolean bias) {
        return new PackedLinear(
                "op.weight",
                format,
                out,
                in,
                bias ? Parameter.vector("op.bias", Shape.of(out), Parameter.Init.ZEROS) : null);
    }

    @Override
    public List<Refusal> refusals() {
        PackedLinear op = op(new QuantFormat(4, 32, false), 4, 64, false);
        return List.of(
                new Refusal(Sample.of(op, Shape.of(3, 7)), "'op.weight'", "[3, 7] features", "expects 64"),
                new Refusal(Sample.of(op, Shape.of()), "'op.weight'", "expects 64"));
    }

    @Override
    public Constants constants(Op any, Random random) {
        PackedLinear op = (PackedLinear) any;
        PackedReference weights = PackedReference.random(random, op.format(), (int) op.out(), (int) op.in());
        Map<String, byte[]> tensors = new LinkedHashMap<>();
        tensors.put(op.weight() + ".packed", weights.panelWords());
        tensors.put(op.weight() + ".scales", weights.panelGroups(weights.scales()));
        if (!op.format().symmetric()) {
            tensors.put(op.weight() + ".zeros", weights.panelGroups(weights.offsets()));
        }
        double[] values = new double[(int) (op.out() * op.in())];
        for (int i = 0; i < values.length; i++) {
            values[i] = weights.weight(i / (int) op.in(), i % (int) op.in());
        }
        return new Constants(tensors, List.of(values));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        PackedLinear op = at.op(PackedLinear.class);
        Jet[] bias = op.bias() == null ? null : in[1];
        return new Jet[][] {LinearReference.product(in[0], in[in.length - 1], bias, (int) op.out(), (int) op.in())};
    }
}
