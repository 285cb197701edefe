package dev.sagitta.graph.op.gemm;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
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
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.gemm.Gemm;
import dev.sagitta.kernel.shape.Slice;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.List;

/**
 * y = a op(b), matrices over the last two axes and one product for each position of the others: a [..., M, K], b [..., K, N], or [..., N, K] where op transposes.
 *
 * <pre>
 * backward         da = dy op(b)'                    db = op(a' dy)
 * tangent          yt = at op(b) + a op(bt)
 * tangentBackward  dat = dyt op(b)' + dy op(bt)'     dbt = op(a' dyt) + op(at' dy)
 * curvature        2 &lt;dy, at op(bt)&gt;
 * </pre>
 *
 * Beside K tangents the factor that they share is copied K times, where there is more than one product of each: a batch of products is one launch.
 */
public record Matmul(boolean transposed) implements Op {
    private static final Keep A = Keep.input(0).linear().when(needs -> needs.input(1));
    private static final Keep B = Keep.input(1).linear().when(needs -> needs.input(0));
    private static final Field<Boolean> TRANSPOSE_B =
            Field.flag("transpose_b", false, "whether the second input is [..., N, K]");

    public static final OpType TYPE = OpType.of(
            "matmul",
            2,
            "y = a b over the last two axes, a product for each position of the others",
            m -> new Matmul(m.get(TRANSPOSE_B)),
            TRANSPOSE_B);

    @Override
    public String type() {
        return "matmul";
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Shape a = matrices(inputs, 0);
        Shape b = matrices(inputs, 1);
        if (!before(a).equals(before(b))) {
            throw new IllegalArgumentException(
                    "matmul: inputs have shapes " + a + " and " + b + ", expected equal axes before the last two");
        }
        long inner = b.extent(transposed ? -1 : -2);
        if (a.extent(-1) != inner) {
            throw new IllegalArgumentException("matmul: inputs have shapes " + a + " and " + b + ", expected axis "
                    + (transposed ? -1 : -2) + " of the second, " + inner + ", to be the last of the first, "
                    + a.extent(-1) + (transposed ? "" : "; or set 'transpose_b'"));
        }
        long[] extents = a.toArray();
        extents[extents.length - 1] = b.extent(transposed ? -2 : -1);
        return List.of(ArrayType.f32(Shape.of(extents)));
    }

    private static Shape matrices(List<ArrayType> inputs, int i) {
        ArrayType type = inputs.get(i);
        if (type.dtype() != DType.F32 || type.shape().rank() < 2 || type.shape().elements() == 0) {
            throw new IllegalArgumentException(
                    "matmul: input " + i + " is " + type + ", expected f32 [..., rows, columns] that is not empty");
        }
        return type.shape();
    }

    private static Shape before(Shape shape) {
        return Shape.of(Arrays.copyOf(shape.toArray(), shape.rank() - 2));
    }

    @Override
    public List<Keep> keeps() {
        return List.of(A, B);
    }

    /** Products of one copy. */
    private static long products(Pass pass) {
        return pass.batch() * before(pass.output(0).shape()).elements();
    }

    /** [products, rows, columns] of a value of as many copies as it has. */
    private static Value matrices(Value v, Shape example) {
        long rows = example.extent(-2);
        long columns = example.extent(-1);
        return v.view(v.elements() / (rows * columns), rows, columns);
    }

    /** A factor that K products share: one matrix as it is, of several K copies. */
    private static Value shared(Pass pass, String what, Value v, Shape example) {
        Value matrices = matrices(v, example);
        int copies = pass.probes();
        if (copies == 1) {
            return matrices;
        }
        if (products(pass) == 1) {
            return v.view(example.extent(-2), example.extent(-1));
        }
        long n = v.elements();
        Value all = pass.emitter()
                .value(
                        pass.name() + "." + what + ".copies",
                        DType.F32,
                        Shape.of(1, copies, n),
                        MemoryCategory.TANGENTS);
        Value one = v.view(1, 1, n);
        pass.emit(what + ".copies", values(one), values(all), t -> {
            Preparable[] puts = new Preparable[copies];
            for (int k = 0; k < copies; k++) {
                puts[k] = Slice.put(t.tensor(one), k, t.tensor(all));
            }
            return Preparable.sequence(puts);
        });
        return matrices(all, example);
    }

    /** One of the three products: its factors, and how each is read. */
    private record Product(Value left, boolean leftTransposed, Value right, boolean rightTransposed) {
        Gemm into(dev.sagitta.graph.pass.Emitter.Binder t, Value result) {
            return Gemm.of(t.tensor(left), leftTransposed, t.tensor(right), rightTransposed, t.tensor(result));
        }
    }

    private Product forwards(Value a, Value b) {
        return new Product(a, false, b, transposed);
    }

    private Product towardsA(Value dy, Value b) {
        return new Product(dy, false, b, !transposed);
    }

    private Product towardsB(Value dy, Value a) {
        return transposed ? new Product(dy, true, a, false) : new Product(a, true, dy, false);
    }

    /** result = first + second, of which either may be null. */
    private static void emit(Pass pass, String what, Product first, Product second, Value result) {
        Product one = first == null ? second : first;
        Product two = first == null ? null : second;
        pass.emit(
                what,
                values(one.left(), one.right(), two == null ? null : two.left(), two == null ? null : two.right()),
                values(result),
                t -> two == null
                        ? one.into(t, result)
                        : Preparable.sequence(
                                one.into(t, result), two.into(t, result).accumulate(true)));
    }

    @Override
    public void forward(Forward f) {
        Shape a = f.input(0).shape();
        Shape b = f.input(1).shape();
        Product y = forwards(matrices(f.in(0), a), matrices(f.in(1), b));
        emit(f, "forward", y, null, matrices(f.out(0), f.output(0).shape()));
    }

    @Override
    public void backward(Backward pass) {
        Shape a = pass.input(0).shape();
        Shape b = pass.input(1).shape();
        Value dy = matrices(pass.cotangent(0), pass.output(0).shape());
        Value da = pass.cotangentOf(0);
        if (da != null) {
            Product p = towardsA(dy, matrices(pass.kept(B).value(), b));
            emit(pass, "first.cotangent", p, null, matrices(da, a));
        }
        Value db = pass.cotangentOf(1);
        if (db != null) {
            Product p = towardsB(dy, matrices(pass.kept(A).value(), a));
            emit(pass, "second.cotangent", p, null, matrices(db, b));
        }
    }

    @Override
    public void tangent(Tangent t) {
        Shape a = t.input(0).shape();
        Shape b = t.input(1).shape();
        Value at = t.tangentIn(0);
        Value bt = t.tangentIn(1);
        if (at == null && bt == null) {
            return;
        }
        Product first = at == null
                ? null
                : forwards(
                        matrices(at, a), shared(t, "tangent.second", t.kept(B).value(), b));
        Product second = bt == null
                ? null
                : forwards(shared(t, "tangent.first", t.kept(A).value(), a), matrices(bt, b));
        emit(t, "tangent", first, second, matrices(t.tangentOut(0), t.output(0).shape()));
    }

    @Override
    public void tangentBackward(TangentBackward pass) {
        Shape a = pass.input(0).shape();
        Shape b = pass.input(1).shape();
        Shape y = pass.output(0).shape();
        Value dyt = matrices(pass.cotangentTangent(0), y);
        Value at = pass.cotangent(0) == null || !pass.wants(1)
                ? null
                : pass.kept(A).tangent();
        Value bt = pass.cotangent(0) == null || !pass.wants(0)
                ? null
                : pass.kept(B).tangent();
        Value dy = at == null && bt == null ? null : shared(pass, "cotangent", pass.cotangent(0), y);
        Value dat = pass.cotangentOf(0);
        if (dat != null) {
            Product first =
                    towardsA(dyt, shared(pass, "cotangent.second", pass.kept(B).value(), b));
            Product second = bt == null ? null : towardsA(dy, matrices(bt, b));
            emit(pass, "first.cotangent.tangent", first, second, matrices(dat, a));
        }
        Value dbt = pass.cotangentOf(1);
        if (dbt != null) {
            Product first =
                    towardsB(dyt, shared(pass, "cotangent.first", pass.kept(A).value(), a));
            Product second = at == null ? null : towardsB(dy, matrices(at, a));
            emit(pass, "second.cotangent.tangent", first, second, matrices(dbt, b));
        }
    }

    @Override
    public void curvature(Curvature c) {
        Value at = c.tangentIn(0);
        Value bt = c.tangentIn(1);
        if (at == null || bt == null) {
            return;
        }
        Value dy = c.cotangent(0);
        Value product = c.emitter()
                .value(c.name() + ".curvature", DType.F32, dy.shape().prepend(c.probes()), MemoryCategory.TANGENTS);
        Product p = forwards(
                matrices(at, c.input(0).shape()), matrices(bt, c.input(1).shape()));
        Value result = matrices(product, c.output(0).shape());
        c.emit("curvature.product", values(p.left(), p.right()), values(result), t -> p.into(t, result)
                .scaled(2));
        Sums.products(c.emitter(), c.name() + ".curvature", product.view(c.probes(), dy.elements()), dy, c.sum());
    }
}
