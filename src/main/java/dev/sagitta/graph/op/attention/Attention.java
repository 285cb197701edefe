package dev.sagitta.graph.op.attention;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Curvature;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Kept;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.attention.AttentionMma;
import dev.sagitta.kernel.attention.AttentionProblem;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Multi-head attention, o = (softmax(scale q k' + bias) M) v per head, in O(T) memory in every mode. Inputs: q [..., T, heads d], k and v [..., S, keyValueHeads d], or
 * one that holds all three, [..., T, (heads + 2 keyValueHeads) d]; lengths, int32 [...], may follow. With P the probabilities, M what dropout multiplies them with (drawn
 * again in every mode), D = rowsum(dO O):
 *
 * <pre>
 * backward         dP = (dO V') M   dS = P (dP - D)   dQ = scale dS K   dK = scale dS' Q   dV = (P M)' dO
 * tangent          St = scale (Qt K' + Q Kt')   mu = rowsum(P St)   Pt = P (St - mu)   Ot = (Pt M) V + (P M) Vt
 * tangentBackward  the product rule on backward, with Dt = rowsum(dOt O + dO Ot)
 * curvature        sum dS ((St - mu)^2 + 2 scale Qt Kt') + 2 sum P (St - mu) M (dO Vt')
 * </pre>
 *
 * Kept are inputs as they came, o, and the log of each row's sum of exponentials, whose tangent is mu. Rotary positions turn queries and keys on the way in, and their
 * gradients back. Dao, FlashAttention-2 (2023); Pearlmutter (1994).
 *
 * @param scale of the scores; 0 for 1 / sqrt(d)
 * @param rotary null for none
 * @param window keys that a query sees; 0 for all
 * @param packed whether one input holds queries, keys and values
 * @param factors what factors of products are rounded to for CUDA's tensor cores; null for none. One choice for all modes: statistics of rows must be of the
 *     scores that are computed again
 */
public record Attention(
        int heads,
        int keyValueHeads,
        boolean causal,
        double scale,
        RotaryPositions rotary,
        int window,
        boolean alibi,
        float dropout,
        boolean packed,
        boolean lengths,
        AttentionMma.Factors factors)
        implements Op {
    private static final int SMALLEST_HEAD = 8;

    private static final Field<Long> HEADS = Field.integer("heads", null, 1, 65_535, "heads of queries");
    private static final Field<Long> KEY_VALUE_HEADS =
            Field.integer("key_value_heads", null, 1, 65_535, "heads of keys and values; absent: as many");
    private static final Field<Boolean> CAUSAL =
            Field.flag("causal", false, "whether a query sees no key behind it; the last query stands at the last key");
    private static final Field<Double> SCALE =
            Field.number("scale", null, 1e-6, 1e6, "of the scores; absent: 1 / sqrt(d)");
    private static final Field<Long> WINDOW = Field.integer(
            "window", 0L, 0, Integer.MAX_VALUE, "keys that a query sees, to both sides where not causal; 0 for all");
    private static final Field<Boolean> ALIBI =
            Field.flag("alibi", false, "whether scores fall with the distance, by a slope of each head");
    private static final Field<Double> DROPOUT =
            Field.number("dropout", 0.0, 0, 1, "share of probabilities dropped in training, below 1");

    private static final Field<String> PRECISION = Field.choice(
            "precision",
            "full",
            "what factors are rounded to for the tensor cores of CUDA devices; sums are fp32",
            "full",
            "tf32",
            "bf16");

    public static final OpType TYPE = OpType.of(
                    "attention",
                    1,
                    4,
                    "softmax(scale q k') v per head; from q, k, v or one packed input; int32 lengths of the keys may follow",
                    Attention::make,
                    HEADS,
                    KEY_VALUE_HEADS,
                    CAUSAL,
                    SCALE,
                    RotaryPositions.FIELD,
                    WINDOW,
                    ALIBI,
                    DROPOUT,
                    PRECISION)
            .check(Attention::problem)
            .readsIds(1, 3);

    private static String problem(Map<String, Object> given) {
        if (!given.containsKey("heads")) {
            return "field 'heads' is missing";
        }
        if (given.get("dropout") instanceof Double p && p.floatValue() >= 1) {
            return "'dropout' is 1, expected less: nothing would be left";
        }
        return RotaryPositions.problem((Field.Group) given.get("rotary"));
    }

    private static Op make(OpType.Making m) {
        int heads = m.get(HEADS).intValue();
        int kv = m.has(KEY_VALUE_HEADS) ? m.get(KEY_VALUE_HEADS).intValue() : heads;
        return new Attention(
                heads,
                kv,
                m.get(CAUSAL),
                m.has(SCALE) ? m.get(SCALE) : 0,
                RotaryPositions.of(m.get(RotaryPositions.FIELD)),
                m.get(WINDOW).intValue(),
                m.get(ALIBI),
                m.get(DROPOUT).floatValue(),
                m.inputs() <= 2,
                m.inputs() % 2 == 0,
                switch (m.get(PRECISION)) {
                    case "tf32" -> AttentionMma.Factors.TF32;
                    case "bf16" -> AttentionMma.Factors.BF16;
                    default -> null;
                });
    }

    // values and outputs are read linearly, queries and keys are not
    static final Keep ALL = Keep.input(0);
    static final Keep K = Keep.input(1);
    static final Keep V = Keep.input(2).linear();
    private static final Keep LENGTHS_OF_PACKED = Keep.input(1).exact();
    private static final Keep LENGTHS = Keep.input(3).exact();
    static final Keep O = Keep.output(0).linear();
    static final Keep LSE = Keep.own("lse");

    @Override
    public String type() {
        return "attention";
    }

    // ---- shapes ----

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        require(
                heads % keyValueHeads == 0,
                "heads " + heads + " over key_value_heads " + keyValueHeads + ", expected a multiple");
        int floats = packed ? 1 : 3;
        for (int i = 0; i < floats; i++) {
            ArrayType type = inputs.get(i);
            require(
                    type.dtype() == DType.F32
                            && type.shape().rank() >= 2
                            && type.shape().elements() > 0,
                    "input " + i + " is " + type + ", expected f32 [..., positions, width] that is not empty");
        }
        Shape q = inputs.get(0).shape();
        int parts = packed ? heads + 2 * keyValueHeads : heads;
        long width = q.extent(-1);
        require(
                width % parts == 0,
                "the last axis of " + q + ", " + width + ", does not divide into " + parts
                        + (packed ? " heads of queries, keys and values" : " heads"));
        long d = width / parts;
        require(
                d >= SMALLEST_HEAD && d <= AttentionProblem.LARGEST_HEAD,
                "heads of " + d + " elements in " + q + ", expected " + SMALLEST_HEAD + " to "
                        + AttentionProblem.LARGEST_HEAD);
        if (rotary != null) {
            int turned = rotary.dims((int) d);
            require(
                    turned % 2 == 0 && turned <= d,
                    "rotary dims " + turned + ", expected an even number of at most the " + d + " elements of a head");
        }
        long[] before = Arrays.copyOf(q.toArray(), q.rank() - 2);
        for (int i = 1; i < floats; i++) {
            Shape other = inputs.get(i).shape();
            require(
                    Arrays.equals(before, Arrays.copyOf(other.toArray(), other.rank() - 2))
                            && other.extent(-1) == keyValueHeads * d
                            && other.extent(-2) == inputs.get(1).shape().extent(-2),
                    "input " + i + " has shape " + other + " beside queries of " + q
                            + (i == 2 ? " and keys of " + inputs.get(1).shape() : "") + ", expected [..., positions, "
                            + keyValueHeads * d
                            + "], key_value_heads of " + d + " elements");
        }
        if (lengths) {
            require(
                    inputs.get(floats).equals(ArrayType.i32(Shape.of(before))),
                    "lengths are " + inputs.get(floats) + ", expected i32 " + Shape.of(before)
                            + ", one for each sequence of " + q);
        }
        long[] extents = q.toArray();
        extents[extents.length - 1] = heads * d;
        return List.of(ArrayType.f32(Shape.of(extents)));
    }

    @Override
    public Op decoding(int longest) {
        require(causal, "it is not causal: a position sees those that are not there yet");
        require(!lengths, "it has lengths, expected none: all positions so far are seen");
        return new CachedAttention(heads, keyValueHeads, longest, scale, window, rotary, alibi);
    }

    private static void require(boolean condition, String problem) {
        if (!condition) {
            throw new IllegalArgumentException("attention: " + problem);
        }
    }

    @Override
    public List<Keep> keeps() {
        List<Keep> keeps = new ArrayList<>(List.of(ALL));
        if (!packed) {
            keeps.add(K);
            keeps.add(V);
        }
        if (lengths) {
            keeps.add(packed ? LENGTHS_OF_PACKED : LENGTHS);
        }
        keeps.add(O);
        keeps.add(LSE);
        return keeps;
    }

    private Keep lengthsKeep() {
        return !lengths ? null : packed ? LENGTHS_OF_PACKED : LENGTHS;
    }

    /** The problem as inputs lie; queries and keys that were turned lie by themselves: {@link Turned}. */
    private AttentionProblem problem(Pass pass) {
        Shape q = pass.input(0).shape();
        int t = Math.toIntExact(q.extent(-2));
        int s = packed ? t : Math.toIntExact(pass.input(1).shape().extent(-2));
        int d = Math.toIntExact(q.extent(-1) / (packed ? heads + 2 * keyValueHeads : heads));
        int sequences = Math.toIntExact(pass.batch() * (q.elements() / t / q.extent(-1)));
        AttentionProblem p =
                AttentionProblem.of(sequences, heads, keyValueHeads, t, s, d).seeing(causal, window);
        p = scale == 0 ? p : p.scaled((float) scale);
        p = pass.training() && dropout > 0 ? p.dropping(dropout, pass.stream()) : p;
        return packed ? p.packed() : p;
    }

    /** 2^(-8 h / n) for h = 1 .. n, n a power of two; of another number of heads, every second of the next power's for the rest. Press et al. 2022. */
    static float[] slopes(int heads) {
        int power = Integer.highestOneBit(heads);
        float[] slopes = new float[heads];
        for (int h = 0; h < heads; h++) {
            double exponent = h < power ? 8.0 * (h + 1) / power : 4.0 * (2 * (h - power) + 1) / power;
            slopes[h] = (float) Math.pow(2, -exponent);
        }
        return slopes;
    }

    /** What a mode's launches read beside tangents and cotangents, and how queries and keys are turned. */
    private Turned turned(Pass pass, Value q, Value k, Value v, Value counts) {
        AttentionProblem p = problem(pass);
        Value slopes = alibi ? pass.emitter().constant("ALiBi slopes of " + heads, slopes(heads)) : null;
        return new Turned(pass, rotary, p, q, k, v, counts, slopes, p.dropout() > 0 ? pass.random() : null);
    }

    private Turned turned(Pass pass, Function<Keep, Kept> kept) {
        Value all = kept.apply(ALL).value();
        Keep counts = lengthsKeep();
        return turned(
                pass,
                all,
                packed ? all : kept.apply(K).value(),
                packed ? all : kept.apply(V).value(),
                counts == null ? null : kept.apply(counts).value());
    }

    Turned turned(Backward pass) {
        return turned(pass, pass::kept);
    }

    Turned turned(Curvature pass) {
        return turned(pass, pass::kept);
    }

    static Shape statistics(AttentionProblem p) {
        return Shape.of(p.batch(), heads(p), p.t());
    }

    private static long heads(AttentionProblem p) {
        return p.heads();
    }

    // ---- modes; those that go backwards are AttentionGradients' ----

    Descriptor served(Descriptor plain) {
        return AttentionMma.orPlain(plain, factors);
    }

    @Override
    public void forward(Forward f) {
        Value q = f.in(0);
        Value counts = lengths ? f.in(packed ? 1 : 3) : null;
        Turned in = turned(f, q, packed ? q : f.in(1), packed ? q : f.in(2), counts);
        Value o = f.out(0);
        Value lse = f.keep(LSE, DType.F32, statistics(in.problem()));
        Value[] turned = in.operands("");
        f.emit(
                "forward",
                in.reads(),
                in.writes(turned, o, lse),
                t -> in.sequence(
                        t,
                        turned,
                        inputs -> served(new dev.sagitta.kernel.attention.Attention.Forward(
                                in.inner(), inputs, t.tensor(o), t.tensor(lse)))));
    }

    @Override
    public void backward(Backward b) {
        new AttentionGradients(this).of(b, b.cotangent(0), 1, "");
    }

    @Override
    public void tangent(Tangent t) {
        Value qt = t.tangentIn(0);
        Value kt = packed ? qt : t.tangentIn(1);
        Value vt = packed ? qt : t.tangentIn(2);
        if (qt == null && kt == null && vt == null) {
            return;
        }
        Turned in = turned(t, t::kept);
        Value o = t.kept(O).value();
        Value lse = t.kept(LSE).value();
        Value ot = t.tangentOut(0);
        Value mu = t.keep(LSE, DType.F32, statistics(in.problem()).prepend(t.probes()));
        Value[] turned = in.operands(".tangent");
        Turned.Tangents tangents = in.tangents(qt, kt, vt, t.probes(), ".tangent");
        t.emit(
                "tangent",
                in.reads(o, lse, qt, kt, vt),
                tangents.writes(in.writes(turned, ot, mu)),
                b -> Preparable.sequence(
                        tangents.turn(b),
                        in.sequence(
                                b,
                                turned,
                                inputs -> served(new dev.sagitta.kernel.attention.Attention.Tangent(
                                        in.inner(),
                                        t.probes(),
                                        inputs,
                                        b.tensor(o),
                                        b.tensor(lse),
                                        b.tensor(tangents.qt()),
                                        b.tensor(tangents.kt()),
                                        b.tensor(tangents.vt()),
                                        b.tensor(ot),
                                        b.tensor(mu))))));
    }

    @Override
    public void tangentBackward(TangentBackward b) {
        new AttentionGradients(this).tangents(b);
    }

    @Override
    public void curvature(Curvature c) {
        AttentionCurvature.of(this, c);
    }
}
