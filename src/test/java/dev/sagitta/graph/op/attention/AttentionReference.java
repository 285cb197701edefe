package dev.sagitta.graph.op.attention;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Philox;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Row by row with all of its scores, as the formula reads; rotary angles by their definition. */
public final class AttentionReference implements OpReference {
    private static final Shape Q = Shape.of(5, 16);

    /**
     * Scores of the suite's inputs reach some 30: exp makes their roundings, some 2e-6, relative errors of the probabilities. And where a row sees little but one
     * key, dP - D cancels to the share of the others, with a rounding of dP left in it; both stand in the formula, not in how a kernel computes it.
     */
    @Override
    public double condition() {
        return 8;
    }

    @Override
    public List<Sample> samples() {
        Shape kv = Shape.of(7, 16);
        Shape half = Shape.of(7, 8);
        return List.of(
                of("", Shape.of(1, 16), Shape.of(2, 16), Shape.of(2, 16)).batch(1),
                of("", Q, kv, kv),
                of(",'causal':true", Q, kv, kv),
                of(",'causal':true", kv, Q, Q),
                of(",'key_value_heads':1,'scale':0.7", Q, half, half),
                of(",'key_value_heads':1,'causal':true", Shape.of(6, 32)),
                of(",'causal':true,'window':3", Shape.of(6, 48)),
                of(",'window':2,'alibi':true", Q, kv, kv),
                of("", Q, kv, kv).withLengths(),
                of(",'causal':true", Shape.of(2, 4, 48)).withLengths(),
                of(",'dropout':0.3", Q, kv, kv),
                of(",'causal':true,'rotary':{}", Shape.of(6, 48)),
                of(",'rotary':{'style':'interleaved','base':100}", Q, kv, kv),
                of(",'key_value_heads':1,'rotary':{'dims':4,'factor':2}", kv, Shape.of(5, 8), Shape.of(5, 8)),
                of(",'causal':true,'rotary':{'base':10,'factor':8,'low':1,'high':4,'original':16}", Shape.of(9, 48)),
                Sample.of("{'type':'attention','heads':4,'causal':true}", Shape.of(128, 384))
                        .batch(8)
                        .timed(),
                Sample.of("{'type':'attention','heads':4,'causal':true,'rotary':{}}", Shape.of(512, 384))
                        .batch(1)
                        .timed());
    }

    private static Sample of(String fields, Shape... inputs) {
        return Sample.of("{'type':'attention','heads':2" + fields + "}", inputs);
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(of("", Shape.of(5, 15), Q, Q), "attention", "15", "2 heads"),
                new Refusal(
                        of(",'key_value_heads':3", Q, Q, Q), "attention", "key_value_heads 3", "expected a multiple"),
                new Refusal(of("", Shape.of(5, 8), Q, Q), "attention", "heads of 4", "8 to 256"),
                new Refusal(of("", Shape.of(5, 1024), Q, Q), "attention", "heads of 512", "8 to 256"),
                new Refusal(of("", Q, Shape.of(5, 24), Q), "attention", "input 1", "24", "16"),
                new Refusal(of("", Q, Shape.of(7, 16), Q), "attention", "input 2", "[5, 16]", "[7, 16]"),
                new Refusal(of(",'rotary':{'dims':5}", Q, Q, Q), "attention", "rotary dims 5", "even"),
                new Refusal(of(",'rotary':{'dims':10}", Q, Q, Q), "attention", "rotary dims 10", "at most"),
                new Refusal(of("", Shape.of(5, 48), Shape.of(5, 48)), "attention", "lengths", "expected i32"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Attention op = at.op(Attention.class);
        Shape shape = at.inputs().get(0).shape();
        boolean packed = at.inputs().size() <= 2;
        int heads = op.heads();
        int kvHeads = op.keyValueHeads();
        int t = (int) shape.extent(-2);
        int width = (int) shape.extent(-1);
        int d = width / (packed ? heads + 2 * kvHeads : heads);
        int s = packed ? t : (int) at.inputs().get(1).shape().extent(-2);
        int kvWidth = packed ? width : kvHeads * d;
        int sequences = in[0].length / t / width;
        Jet[] lengths = at.inputs().size() % 2 == 1 ? null : in[packed ? 1 : 3];
        double scale = op.scale() == 0 ? 1 / Math.sqrt(d) : op.scale();
        Jet[] v = packed ? in[0] : in[2];
        int[] words = at.draws() == null || op.dropout() == 0
                ? null
                : Philox.stream(
                        at.draws().seed(), at.draws().stream(), at.draws().step(), 0, sequences * heads * t * s);
        Jet[] o = new Jet[sequences * t * heads * d];
        for (int b = 0; b < sequences; b++) {
            int length = lengths == null ? s : (int) lengths[b].v();
            for (int h = 0; h < heads; h++) {
                int kv = h / (heads / kvHeads);
                int kAt = packed ? (heads + kv) * d : kv * d;
                int vAt = packed ? (heads + kvHeads + kv) * d : kv * d;
                double slope = op.alibi() ? slope(h, heads) : 0;
                Jet[][] keys = new Jet[s][];
                for (int j = 0; j < s; j++) {
                    keys[j] = turned(op, packed ? in[0] : in[1], (b * s + j) * kvWidth + kAt, d, j);
                }
                for (int i = 0; i < t; i++) {
                    int place = i + s - t;
                    Jet[] query = turned(op, in[0], (b * t + i) * width + h * d, d, i + Math.max(0, s - t));
                    Jet[] weights = new Jet[s];
                    Jet sum = Jet.of(0);
                    for (int j = 0; j < s; j++) {
                        boolean seen = j < length && (!op.causal() || j <= place);
                        seen &= op.window() == 0 || Math.abs(place - j) < op.window();
                        weights[j] = seen
                                ? Jet.dot(query, 0, 1, keys[j], 0, 1, d)
                                        .times(scale)
                                        .plus(slope * (j - place))
                                        .exp()
                                : null;
                        sum = seen ? sum.plus(weights[j]) : sum;
                    }
                    for (int c = 0; c < d; c++) {
                        Jet total = Jet.of(0);
                        for (int j = 0; j < s; j++) {
                            long e = ((long) (b * heads + h) * t + i) * s + j;
                            boolean dropped = words != null
                                    && Integer.toUnsignedLong(words[(int) e]) < (long) (op.dropout() * 0x1p32);
                            if (weights[j] != null && !dropped) {
                                double kept = words == null ? 1 : 1 / (1 - (double) op.dropout());
                                total = total.plus(weights[j]
                                        .times(sum.inverse())
                                        .times(kept)
                                        .times(v[(b * s + j) * kvWidth + vAt + c]));
                            }
                        }
                        o[((b * t + i) * heads + h) * d + c] = total;
                    }
                }
            }
        }
        return new Jet[][] {o};
    }

    /** Of a power of two of heads: 2^(-8 (h + 1) / heads). */
    private static double slope(int h, int heads) {
        return Math.pow(2, -8.0 * (h + 1) / heads);
    }

    private static Jet[] turned(Attention op, Jet[] x, int from, int d, int place) {
        Jet[] y = new Jet[d];
        System.arraycopy(x, from, y, 0, d);
        RotaryPositions rotary = op.rotary();
        if (rotary == null) {
            return y;
        }
        int dims = rotary.dims() == 0 ? d : rotary.dims();
        for (int m = 0; m < dims / 2; m++) {
            double frequency = Math.pow(rotary.base(), -2.0 * m / dims);
            if (rotary.original() > 0) {
                double wavelength = 2 * Math.PI / frequency;
                if (wavelength > rotary.original() / rotary.low()) {
                    frequency /= rotary.factor();
                } else if (wavelength >= rotary.original() / rotary.high()) {
                    double smooth = (rotary.original() / wavelength - rotary.low()) / (rotary.high() - rotary.low());
                    frequency = (1 - smooth) * frequency / rotary.factor() + smooth * frequency;
                }
            } else {
                frequency /= rotary.factor();
            }
            double cosine = Math.cos(place * frequency);
            double sine = Math.sin(place * frequency);
            int first = rotary.interleaved() ? 2 * m : m;
            int second = rotary.interleaved() ? 2 * m + 1 : m + dims / 2;
            Jet a = x[from + first];
            Jet b = x[from + second];
            y[first] = a.times(cosine).minus(b.times(sine));
            y[second] = b.times(cosine).plus(a.times(sine));
        }
        return y;
    }
}
