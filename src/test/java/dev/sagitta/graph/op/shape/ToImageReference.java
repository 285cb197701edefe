package dev.sagitta.graph.op.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Each example a matrix, turned. */
public final class ToImageReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of(new ToImage(true, 3, 10), Shape.of(3, 2, 5)),
                Sample.of(new ToImage(true, 1, 6), Shape.of(1, 2, 3)),
                Sample.of(new ToImage(true, 4, 7), Shape.of(4, 7)));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        ToImage op = at.op(ToImage.class);
        int rows = (int) (op.channelsLast() ? op.channels() : op.pixels());
        int columns = (int) (op.channels() * op.pixels() / rows);
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            int example = i / rows / columns;
            int row = i / columns % rows;
            y[example * rows * columns + i % columns * rows + row] = in[0][i];
        }
        return new Jet[][] {y};
    }
}
