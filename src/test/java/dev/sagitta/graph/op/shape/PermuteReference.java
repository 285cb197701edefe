package dev.sagitta.graph.op.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Every element by its coordinates. */
public final class PermuteReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'transpose','axes':[0]}", Shape.of(1)).batch(1),
                Sample.of("{'type':'transpose','axes':[1,0]}", Shape.of(3, 7)),
                Sample.of("{'type':'transpose','axes':[1,0,-1]}", Shape.of(3, 2, 5)),
                Sample.of("{'type':'transpose','axes':[2,1,0]}", Shape.of(3, 2, 5)),
                Sample.of("{'type':'transpose','axes':[3,1,0,2]}", Shape.of(2, 3, 1, 4)),
                Sample.of("{'type':'transpose','axes':[1,0,2]}", Shape.of(128, 4, 32))
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'transpose','axes':[0]}", Shape.of(3, 7)),
                        "transpose",
                        "axes [0]",
                        "each of its 2 axes once"),
                new Refusal(Sample.of("{'type':'transpose','axes':[0,-2]}", Shape.of(3, 7)), "each of its 2 axes once"),
                new Refusal(Sample.of("{'type':'transpose','axes':[0,2]}", Shape.of(3, 7)), "transpose", "axis 2"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Shape x = at.inputs().get(0).shape();
        int rank = x.rank();
        int[] order = at.op(Permute.class).axes().stream()
                .mapToInt(axis -> (int) (axis < 0 ? axis + rank : axis))
                .toArray();
        int each = (int) x.elements();
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            int[] coordinates = new int[rank];
            int rest = i % each;
            for (int axis = rank - 1; axis >= 0; axis--) {
                int extent = (int) x.extent(order[axis]);
                coordinates[order[axis]] = rest % extent;
                rest /= extent;
            }
            int from = 0;
            for (int axis = 0; axis < rank; axis++) {
                from = from * (int) x.extent(axis) + coordinates[axis];
            }
            y[i] = in[0][i / each * each + from];
        }
        return new Jet[][] {y};
    }
}
