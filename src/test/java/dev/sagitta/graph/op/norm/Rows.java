package dev.sagitta.graph.op.norm;

import dev.sagitta.fixture.Jet;

/** A row in jets. */
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

    public static void softmax(Jet[] x, int row, int c, boolean logarithm, Jet[] y) {
        double top = x[row].v();
        for (int j = 1; j < c; j++) {
            top = Math.max(top, x[row + j].v());
        }
        Jet sum = Jet.of(0);
        for (int j = 0; j < c; j++) {
            sum = sum.plus(x[row + j].plus(-top).exp());
        }
        for (int j = 0; j < c; j++) {
            Jet e = x[row + j].plus(-top);
            y[row + j] = logarithm ? e.minus(sum.log()) : e.exp().times(sum.inverse());
        }
    }
}
