package dev.sagitta.graph.op.gemm;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y[i, j] = sum of a[i, k] b[k, j], or of a[i, k] b[j, k], of each pair of matrices. */
public final class MatmulReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'matmul'}", Shape.of(1, 1), Shape.of(1, 1)).batch(1),
                Sample.of("{'type':'matmul'}", Shape.of(4, 3), Shape.of(3, 5)).batch(1),
                Sample.of("{'type':'matmul'}", Shape.of(2, 4, 3), Shape.of(2, 3, 5)),
                Sample.of("{'type':'matmul','transpose_b':true}", Shape.of(2, 3), Shape.of(5, 3)),
                Sample.of("{'type':'matmul','transpose_b':true}", Shape.of(4, 128, 32), Shape.of(4, 128, 32))
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'matmul'}", Shape.of(2, 3), Shape.of(5, 3)),
                        "matmul",
                        "axis -2 of the second, 5",
                        "last of the first, 3",
                        "transpose_b"),
                new Refusal(
                        Sample.of("{'type':'matmul'}", Shape.of(2, 2, 3), Shape.of(3, 3, 4)),
                        "matmul",
                        "[2, 2, 3]",
                        "equal axes before the last two"),
                new Refusal(
                        Sample.of("{'type':'matmul'}", Shape.of(3), Shape.of(3, 4)),
                        "matmul: input 0",
                        "[..., rows, columns]"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        boolean transposed = at.op(Matmul.class).transposed();
        Shape a = at.inputs().get(0).shape();
        Shape b = at.inputs().get(1).shape();
        int m = (int) a.extent(-2);
        int k = (int) a.extent(-1);
        int n = (int) b.extent(transposed ? -2 : -1);
        Jet[] y = new Jet[in[0].length / k * n];
        for (int i = 0; i < y.length; i++) {
            int product = i / n / m;
            int column = i % n;
            int first = transposed ? (product * n + column) * k : product * k * n + column;
            y[i] = Jet.dot(in[0], i / n * k, 1, in[1], first, transposed ? 1 : n, k);
        }
        return new Jet[][] {y};
    }
}
