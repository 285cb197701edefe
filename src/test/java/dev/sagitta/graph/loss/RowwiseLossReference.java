package dev.sagitta.graph.loss;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.LossReference;
import dev.sagitta.kernel.loss.RowLoss;
import dev.sagitta.tensor.Shape;

/** Mean over rows of cosine or kl. */
public final class RowwiseLossReference implements LossReference {
    @Override
    public Jet value(Loss loss, Jet[] output, Shape shape, double[] target) {
        int columns = (int) shape.extent(-1);
        Jet[] rows = new Jet[output.length / columns];
        for (int r = 0; r < rows.length; r++) {
            rows[r] = row(((RowwiseLoss) loss).kind(), output, r * columns, columns, target);
        }
        return rows.length == 0 ? Jet.of(0) : Jet.sum(rows).times(1.0 / rows.length);
    }

    /** Of one row, the {@code columns} from {@code from} on of both. */
    public static Jet row(RowLoss.Kind kind, Jet[] y, int from, int columns, double[] target) {
        return switch (kind) {
            case COSINE -> cosine(y, from, columns, target);
            case KL -> divergence(y, from, columns, target);
        };
    }

    /** 1 - y . t / (|y| |t|), 1 where one of them is 0. */
    private static Jet cosine(Jet[] y, int from, int columns, double[] target) {
        Jet[] products = new Jet[columns];
        Jet[] squares = new Jet[columns];
        double norm = 0;
        for (int c = 0; c < columns; c++) {
            products[c] = y[from + c].times(target[from + c]);
            squares[c] = y[from + c].times(y[from + c]);
            norm += target[from + c] * target[from + c];
        }
        Jet square = Jet.sum(squares);
        if (square.v() == 0 || norm == 0) {
            return Jet.of(1);
        }
        return Jet.sum(products)
                .times(square.power(-0.5))
                .times(-1 / Math.sqrt(norm))
                .plus(1);
    }

    /** Sum of t (log t - log softmax(y)), 0 where t = 0. */
    private static Jet divergence(Jet[] y, int from, int columns, double[] target) {
        double top = Double.NEGATIVE_INFINITY;
        for (int c = 0; c < columns; c++) {
            top = Math.max(top, y[from + c].v());
        }
        Jet[] shares = new Jet[columns];
        for (int c = 0; c < columns; c++) {
            shares[c] = y[from + c].plus(-top).exp();
        }
        Jet logSum = Jet.sum(shares).log();
        Jet[] terms = new Jet[columns];
        for (int c = 0; c < columns; c++) {
            double t = target[from + c];
            Jet logShare = y[from + c].plus(-top).minus(logSum);
            // not 0 times what is left out: that would show a NaN of one output twice, and of an infinity
            terms[c] = t == 0 ? Jet.of(0) : logShare.times(-1).plus(Math.log(t)).times(t);
        }
        return Jet.sum(terms);
    }
}
