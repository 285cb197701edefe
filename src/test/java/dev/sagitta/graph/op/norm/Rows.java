package dev.sagitta.graph.op.norm;

import dev.sagitta.fixture.Jet;

/** A row of a norm in jets. */
public final class Rows {
    private Rows() {}

    public static void normalise(Jet[] x, int row, int c, boolean centred, double epsilon, Jet[] w, Jet[] b, Jet[] y) {
        Jet mean = Jet.of(0);
        for (int j = 0; centred && j < c; j++) {
            mean = mean.plus(x[row + j].times(1.0 / c));
        }
        Jet square = Jet.of(epsilon);
        for (int j = 0; j < c; j++) {
            Jet e = x[row + j].minus(mean);
            square = square.plus(e.times(e).times(1.0 / c));
        }
        Jet r = square.power(-0.5);
        for (int j = 0; j < c; j++) {
            Jet h = x[row + j].minus(mean).times(r);
            h = w == null ? h : h.times(w[j]);
            y[row + j] = b == null ? h : h.plus(b[j]);
        }
    }
}
