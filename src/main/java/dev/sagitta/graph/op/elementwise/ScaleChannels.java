package dev.sagitta.graph.op.elementwise;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Curvature;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.elementwise.ScaleChannels.Dots;
import dev.sagitta.kernel.elementwise.ScaleChannels.Scale;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * y = x g, an image times a number per channel of each example: what squeeze-and-excitation ends in (Hu et al., "Squeeze-and-Excitation Networks", 2018). x is
 * [channels, height, width] or [channels, length], g [channels], trailing axes of one position allowed. p runs over pixels:
 *
 * <pre>
 * backward         dx = dy g                dg = sum over p of dy x
 * tangent          yt = xt g + x gt
 * tangentBackward  dxt = dyt g + dy gt      dgt = sum over p of dyt x + dy xt
 * curvature        2 &lt;dy, xt gt&gt;
 * </pre>
 */
public record ScaleChannels() implements Op {
    public static final OpType TYPE = OpType.of(
            "scale_channels",
            2,
            "an image [channels, ...] times a number per channel, [channels]",
            m -> new ScaleChannels());

    private static final Keep X = Keep.input(0).linear().when(needs -> needs.input(1));
    private static final Keep G = Keep.input(1).linear().when(needs -> needs.input(0));

    @Override
    public String type() {
        return "scale_channels";
    }

    @Override
    public Images images() {
        return Images.CHANNELS_LAST_FIRST;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        ArrayType x = inputs.get(0);
        Shape g = inputs.get(1).shown();
        boolean fits = x.channelsLast()
                && inputs.get(1).dtype() == DType.F32
                && g.rank() > 0
                && g.extent(0) == x.shape().extent(-1)
                && g.elements() == g.extent(0);
        if (!fits) {
            throw new IllegalArgumentException("scale_channels: inputs are " + x.shown() + " and " + g
                    + ", expected an image [channels, ...] and [channels]");
        }
        return List.of(x);
    }

    @Override
    public List<Keep> keeps() {
        return List.of(X, G);
    }

    /** [copies, batch, pixels, channels]. */
    private static Value image(Pass pass, Value v) {
        Shape one = pass.input(0).shape();
        long channels = one.extent(-1);
        long pixels = one.elements() / Math.max(1, channels);
        return v == null ? null : v.view(copies(pass, v, one), pass.batch(), pixels, channels);
    }

    /** [copies, batch, channels]. */
    private static Value gate(Pass pass, Value v) {
        Shape one = pass.input(1).shape();
        return v == null ? null : v.view(copies(pass, v, one), pass.batch(), one.elements());
    }

    private static long copies(Pass pass, Value v, Shape one) {
        return v.elements() / Math.max(1, pass.batch() * one.elements());
    }

    private static void scale(Pass pass, String what, Value x, Value g, Value z, Value h, Value y, float by) {
        Value a = image(pass, x);
        Value b = image(pass, z);
        Value ga = gate(pass, g);
        Value gb = gate(pass, h);
        Value to = image(pass, y);
        pass.emit(
                what,
                values(a, ga, b, gb),
                values(to),
                t -> a == null || ga == null
                        ? new Scale(t.tensor(b), t.tensor(gb), null, null, t.tensor(to), by)
                        : new Scale(t.tensor(a), t.tensor(ga), t.tensor(b), t.tensor(gb), t.tensor(to), by));
    }

    private static void dots(Pass pass, String what, Value x, Value u, Value z, Value v, Value out) {
        Value a = image(pass, x);
        Value b = image(pass, u);
        Value c = image(pass, z);
        Value d = image(pass, v);
        Value to = gate(pass, out);
        pass.emit(
                what,
                values(a, b, c, d),
                values(to),
                t -> new Dots(t.tensor(a), t.tensor(b), t.tensor(c), t.tensor(d), t.tensor(to)));
    }

    @Override
    public void forward(Forward f) {
        scale(f, "forward", f.in(0), f.in(1), null, null, f.out(0), 1);
    }

    @Override
    public void backward(Backward b) {
        cotangents(b, "", b.cotangent(0));
    }

    /** Of one cotangent, or of K, which Gauss-Newton products send back. */
    private static void cotangents(Backward b, String suffix, Value dy) {
        Value dx = b.cotangentOf(0);
        Value dg = b.cotangentOf(1);
        if (dx != null) {
            scale(b, "input.cotangent" + suffix, dy, b.kept(G).value(), null, null, dx, 1);
        }
        if (dg != null) {
            dots(b, "gate.cotangent" + suffix, dy, b.kept(X).value(), null, null, dg);
        }
    }

    @Override
    public void tangent(Tangent t) {
        Value xt = t.tangentIn(0);
        Value gt = t.tangentIn(1);
        if (xt == null && gt == null) {
            return;
        }
        Value g = xt == null ? null : t.kept(G).value();
        Value x = gt == null ? null : t.kept(X).value();
        scale(t, "tangent", xt, g, x, gt, t.tangentOut(0), 1);
    }

    @Override
    public void tangentBackward(TangentBackward b) {
        Value dy = b.cotangent(0);
        Value dyt = b.cotangentTangent(0);
        if (dy == null) {
            cotangents(b, ".tangent", dyt);
            return;
        }
        Value dxt = b.cotangentOf(0);
        Value dgt = b.cotangentOf(1);
        if (dxt != null) {
            Value gt = b.kept(G).tangent();
            scale(b, "input.cotangent.tangent", dyt, b.kept(G).value(), gt == null ? null : dy, gt, dxt, 1);
        }
        if (dgt != null) {
            Value xt = b.kept(X).tangent();
            dots(b, "gate.cotangent.tangent", dyt, b.kept(X).value(), xt == null ? null : dy, xt, dgt);
        }
    }

    @Override
    public void curvature(Curvature c) {
        Value xt = c.tangentIn(0);
        Value gt = c.tangentIn(1);
        if (xt == null || gt == null) {
            return;
        }
        Value dy = c.cotangent(0);
        Value product = c.emitter()
                .value(c.name() + ".curvature", DType.F32, dy.shape().prepend(c.probes()), MemoryCategory.TANGENTS);
        scale(c, "curvature.product", xt, gt, null, null, product, 2);
        Sums.products(c.emitter(), c.name() + ".curvature", product.view(c.probes(), dy.elements()), dy, c.sum());
    }
}
