package dev.sagitta.graph.loss;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.LossReference;
import dev.sagitta.tensor.Shape;

/** Mean over rows of 1 - y . t / (|y| |t|). */
public final class CosineReference implements LossReference {
    @Override
    public Jet value(Loss loss, Jet[] output, Shape shape, double[] target) {
        int columns = (int) shape.extent(-1);
        Jet[] rows = new Jet[output.length / columns];
        for (int r = 0; r < rows.length; r++) {
            rows[r] = row(output, r * columns, columns, target);
        }
        return Jet.sum(rows).times(1.0 / rows.length);
    }

    /** Of one row. */
    public static Jet row(Jet[] y, int from, int columns, double[] target) {
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
}
