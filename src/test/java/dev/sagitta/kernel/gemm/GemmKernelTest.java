package dev.sagitta.kernel.gemm;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.KernelSource;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Step;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;

/** Dense products: all transposes at sizes round the tiles of every variant, storage types, batches, the epilogue, NaN and infinity. */
final class GemmKernelTest extends KernelSuite {
    static final int[][] SIZES = {
        {1, 1, 1},
        {2, 3, 1},
        {3, 1, 2},
        {1, 2, 3},
        {15, 17, 16},
        {16, 15, 17},
        {17, 16, 15},
        {31, 33, 32},
        {33, 32, 31},
        {32, 31, 33},
        {63, 65, 64},
        {64, 63, 65},
        {65, 64, 63},
        {61, 101, 97},
        {127, 129, 128},
        {128, 128, 128},
        {129, 127, 37},
        {1, 300, 67},
        {300, 1, 67},
        {4, 70, 70},
        {1, 1, 1009},
        {70, 66, 74},
        {200, 260, 72},
        {261, 257, 131}
    };
    static final int[][] FEW_SIZES = {
        {1, 1, 1},
        {3, 5, 7},
        {17, 31, 33},
        {64, 64, 64},
        {65, 63, 67},
        {70, 66, 74},
        {127, 129, 65},
        {200, 264, 72},
        {193, 259, 131}
    };
    private static final float[] NONE = {};

    /** What is stored how; {@code out} is the type of C. */
    private record Types(DType in, DType out, Gemm.Precision precision) {
        static final Types F32 = new Types(DType.F32, DType.F32, Gemm.Precision.FULL);
        static final Types TF32 = new Types(DType.F32, DType.F32, Gemm.Precision.TF32);

        static List<Types> tensorCore() {
            List<Types> all = new ArrayList<>(List.of(TF32));
            for (DType in : List.of(DType.BF16, DType.F16)) {
                all.add(new Types(in, in, Gemm.Precision.FULL));
                all.add(new Types(in, DType.F32, Gemm.Precision.FULL));
            }
            return all;
        }
    }

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int form = 0; form < 4; form++) {
            boolean ta = form / 2 == 1;
            boolean tb = form % 2 == 1;
            for (int[] s : SIZES) {
                cases.add(product(Types.F32, ta, tb, s[0], s[1], s[2], false));
            }
            for (Types types : Types.tensorCore()) {
                for (int[] s : FEW_SIZES) {
                    cases.add(product(types, ta, tb, s[0], s[1], s[2], false));
                }
            }
            // rows of 16 bytes, and rows that are not; more than one step of K; one tile and two
            cases.add(product(Types.F32, ta, tb, 20, 24, 36, true));
            cases.add(product(Types.F32, ta, tb, 7, 67, 19, true));
            for (Types types : Types.tensorCore()) {
                if (types.out() == DType.F32) {
                    cases.add(product(types, ta, tb, 24, 16, 40, true));
                }
            }
        }
        cases.add(product(new Types(DType.BF16, DType.BF16, Gemm.Precision.FULL), false, true, 5, 19, 37, true));
        cases.add(product(new Types(DType.F16, DType.F16, Gemm.Precision.FULL), true, false, 66, 9, 35, true));
        cases.addAll(epilogue());
        cases.addAll(batches());
        cases.addAll(special());
        return cases;
    }

    private static KernelCase product(Types types, boolean ta, boolean tb, int m, int n, int k, boolean small) {
        return of(types, ta, tb, m, n, k, "", small, new long[] {0, 0, 0}, 0, gemm -> gemm);
    }

    private static List<KernelCase> epilogue() {
        List<KernelCase> cases = new ArrayList<>();
        Types bf16 = new Types(DType.BF16, DType.BF16, Gemm.Precision.FULL);
        Types wide = new Types(DType.F16, DType.F32, Gemm.Precision.FULL);
        long[] one = {0, 0, 0};
        for (Types types : List.of(Types.F32, Types.TF32, bf16, wide)) {
            for (Function function : Function.values()) {
                boolean small = types.equals(Types.F32) && function == Function.GELU;
                String name = " bias " + function.symbol();
                cases.add(of(types, false, true, 13, 34, 21, name, small, one, 1, gemm -> gemm.then(function)));
            }
            cases.add(of(types, false, true, 70, 132, 33, " bias", false, one, 1, gemm -> gemm));
            cases.add(of(types, true, false, 70, 132, 33, " accumulate", false, one, 0, gemm -> gemm.accumulate(true)));
            cases.add(of(types, false, false, 11, 37, 300, " alpha beta", false, one, 0, gemm -> gemm.scaled(-0.75f)
                    .beta(1.5f)));
            cases.add(of(types, false, false, 11, 36, 19, " alpha 0", false, one, 0, gemm -> gemm.scaled(0)));
            cases.add(of(types, false, true, 9, 21, 18, " all of it", true, one, 1, gemm -> gemm.scaled(0.5f)
                    .beta(-2)
                    .then(Function.TANH)));
        }
        return cases;
    }

    private static List<KernelCase> batches() {
        List<KernelCase> cases = new ArrayList<>();
        Types f16 = new Types(DType.F16, DType.F16, Gemm.Precision.FULL);
        for (Types types : List.of(Types.F32, Types.TF32, f16)) {
            boolean small = !types.equals(f16);
            cases.add(of(types, false, true, 5, 9, 18, " batch", small, new long[] {3, 3, 3}, 0, gemm -> gemm));
            cases.add(of(
                    types,
                    true,
                    false,
                    33,
                    18,
                    35,
                    " shared A",
                    false,
                    new long[] {0, 3, 3},
                    0,
                    gemm -> gemm.accumulate(true)));
            cases.add(of(types, false, false, 18, 33, 35, " shared B", false, new long[] {4, 0, 4}, 0, gemm -> gemm));
            cases.add(of(types, false, true, 6, 7, 5, " shared A, B", false, new long[] {0, 0, 2}, 2, gemm -> gemm));
            cases.add(of(
                    types,
                    false,
                    true,
                    6,
                    40,
                    20,
                    " shared bias",
                    false,
                    new long[] {2, 0, 2},
                    1,
                    gemm -> gemm.then(Function.RELU)));
            cases.add(of(
                    types,
                    false,
                    true,
                    6,
                    40,
                    20,
                    " own bias",
                    small,
                    new long[] {2, 0, 2},
                    2,
                    gemm -> gemm.then(Function.SILU)));
            cases.add(of(
                    types,
                    false,
                    false,
                    130,
                    129,
                    40,
                    " batch of large tiles",
                    false,
                    new long[] {2, 2, 2},
                    0,
                    gemm -> gemm));
        }
        return cases;
    }

    /** NaN and infinity reach exactly the elements that they reach in fp64, and no other; neither does what lies beyond K. */
    private static List<KernelCase> special() {
        List<KernelCase> cases = new ArrayList<>();
        for (Types types : List.of(Types.F32, Types.TF32, new Types(DType.BF16, DType.F32, Gemm.Precision.FULL))) {
            for (Function function : new Function[] {null, Function.RELU}) {
                String name = types.precision() + " " + types.in() + " NaN and infinity "
                        + (function == null ? "" : function.symbol());
                cases.add(new KernelCase("gemm " + name.toLowerCase(Locale.ROOT), false, bench -> {
                    float[] a = stored(types.in(), bench.normal(35 * 33));
                    float[] b = stored(types.in(), bench.normal(33 * 37));
                    a[3 * 33 + 32] = Float.NaN;
                    a[34 * 33] = Float.POSITIVE_INFINITY;
                    b[5] = Float.NEGATIVE_INFINITY;
                    b[32 * 37 + 36] = Float.POSITIVE_INFINITY;
                    Gemm gemm = Gemm.of(
                                    input(bench, "a", types.in(), a, 35, 33),
                                    false,
                                    input(bench, "b", types.in(), b, 33, 37),
                                    false,
                                    bench.output("c", types.out(), 35, 37))
                            .precision(types.precision())
                            .then(function);
                    runAll(bench, gemm, new GemmReference(gemm, a, b, NONE, null));
                }));
            }
        }
        return cases;
    }

    /** {@code batch}: of A, B and C, 0 for a matrix without batch axis. {@code biases}: 0 none, 1 one for all, 2 one per product. */
    private static KernelCase of(
            Types types,
            boolean ta,
            boolean tb,
            int m,
            int n,
            int k,
            String what,
            boolean small,
            long[] batch,
            int biases,
            UnaryOperator<Gemm> with) {
        String name = "gemm "
                + (types.precision() == Gemm.Precision.TF32
                        ? "tf32"
                        : types.in().suffix() + " to " + types.out().suffix())
                + " " + (ta ? "t" : "n") + (tb ? "t" : "n") + " " + m + "x" + n + "x" + k + what;
        return new KernelCase(name, small, bench -> {
            long products = Math.max(1, batch[2]);
            float[] a = stored(types.in(), bench.normal(Math.max(1, batch[0]) * m * k));
            float[] b = stored(types.in(), bench.normal(Math.max(1, batch[1]) * k * n));
            float[] c = stored(types.out(), bench.normal(products * m * n));
            float[] bias = biases == 0 ? null : bench.normal((biases == 1 ? 1 : products) * n);
            Tensor left = input(bench, "a", types.in(), a, extents(batch[0], ta ? k : m, ta ? m : k));
            Tensor right = input(bench, "b", types.in(), b, extents(batch[1], tb ? n : k, tb ? k : n));
            long[] shape = extents(batch[2], m, n);
            // what C must not be read into: a case without beta finds poison there
            boolean reads = with.apply(Gemm.of(left, ta, right, tb, left)).beta() != 0;
            Tensor product = reads
                    ? bench.inOut("c", types.out(), GemmReference.bytes(types.out(), c), shape)
                    : bench.output("c", types.out(), shape);
            Gemm gemm = with.apply(Gemm.of(left, ta, right, tb, product).precision(types.precision()));
            if (bias != null) {
                gemm = gemm.bias(bench.input("bias", bias, biases == 1 ? new long[] {n} : new long[] {products, n}));
            }
            runAll(bench, gemm, new GemmReference(gemm, a, b, c, bias));
        });
    }

    /** As a user runs it; then, on CUDA, our own kernel with each of its tiles, whichever the descriptor would choose. */
    private static void runAll(KernelBench bench, Gemm gemm, GemmReference reference) {
        bench.run(gemm);
        reference.verify(bench, gemm);
        Device device = bench.device();
        if (device.kind() != DeviceKind.CUDA) {
            return;
        }
        Geometry small = GemmGeometry.cuda(gemm, false);
        Geometry large = GemmGeometry.cuda(gemm, true);
        for (Geometry geometry : small.gridX() == large.gridX() ? List.of(small) : List.of(small, large)) {
            Arguments arguments = gemm.signature().values();
            KernelSource source = new KernelSource(gemm.file(), gemm.entry(), gemm.defines(device));
            bench.run(Step.of(device.prepare(source, geometry, arguments)));
            reference.verify(bench, gemm);
        }
    }

    private static long[] extents(long batch, long rows, long columns) {
        return (batch == 0 ? Shape.of(rows, columns) : Shape.of(batch, rows, columns)).toArray();
    }

    private static float[] stored(DType dtype, float[] values) {
        return GemmReference.values(dtype, GemmReference.bytes(dtype, values));
    }

    private static Tensor input(KernelBench bench, String name, DType dtype, float[] values, long... shape) {
        return bench.input(name, dtype, GemmReference.bytes(dtype, values), shape);
    }
}
