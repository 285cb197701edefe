package dev.sagitta.kernel.gemm;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Function;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Dense products. Factors are reused within one product, so they need not be larger than the caches. */
public final class GemmCases implements TimedCases {
    @Override
    public List<TimedCase> cases() {
        List<TimedCase> cases = new ArrayList<>(List.of(
                TimedCase.of("gemm_nn_512", bench -> square(bench, 512, false, false)),
                TimedCase.of("gemm_nn_1024", bench -> square(bench, 1024, false, false)),
                TimedCase.of("gemm_nt_1024", bench -> square(bench, 1024, false, true)),
                TimedCase.of("gemm_tn_1024", bench -> square(bench, 1024, true, false)),
                TimedCase.of("gemm_tt_1024", bench -> square(bench, 1024, true, true)),
                TimedCase.of("gemm_nn_2048", bench -> square(bench, 2048, false, false)),
                TimedCase.of("gemm_batch_16", GemmCases::batched),
                TimedCase.of("gemm_gelu_1024", GemmCases::fused),
                TimedCase.of("gemm_bf16_1024", bench -> square(bench, Kind.BF16, 1024, false))));
        // kinds by sizes, by whatever the library takes for a plain product, and by our own kernel
        for (int n : new int[] {1024, 2048, 4096, 8192}) {
            for (Kind kind : Kind.values()) {
                String name = kind.name().toLowerCase(Locale.ROOT) + "_" + n;
                boolean there = kind == Kind.BF16 && n == 1024;
                // smaller ones of fp32 are there under the names of their transpositions
                if (!there && (kind != Kind.F32 || n > 2048)) {
                    cases.add(TimedCase.of("gemm_" + name, bench -> square(bench, kind, n, false))
                            .where(TimedCase.Where.WITH_VENDOR));
                }
                cases.add(TimedCase.of("gemm_own_" + name, bench -> square(bench, kind, n, true))
                        .where(TimedCase.Where.ON_GPU));
            }
        }
        return cases;
    }

    /** Of factors; the product is fp32. */
    public enum Kind {
        F32,
        TF32,
        BF16
    }

    private static void square(Bench bench, int n, boolean transA, boolean transB) {
        GemmProduct product = GemmProduct.of(bench, GemmProduct.Size.square(bench.side(n)), transA, transB);
        run(bench, product, false);
    }

    private static void batched(Bench bench) {
        GemmProduct.Size size = new GemmProduct.Size(16, bench.side(256), bench.side(512), bench.side(512));
        run(bench, GemmProduct.of(bench, size, false, false), false);
    }

    private static void fused(Bench bench) {
        GemmProduct plain = GemmProduct.of(bench, GemmProduct.Size.square(bench.side(1024)), false, false);
        run(bench, plain.with(plain.gemm().then(Function.GELU)), false);
    }

    /**
     * A square product of the kind, C in fp32.
     *
     * @param own by our own kernel, even where there is a library of the vendor's
     */
    public static void square(Bench bench, Kind kind, int full, boolean own) {
        GemmProduct.Size size = GemmProduct.Size.square(bench.side(full));
        if (kind == Kind.BF16) {
            Tensor a = bench.halves("A", size.n(), size.n());
            Tensor b = bench.halves("B", size.n(), size.n());
            run(bench, GemmProduct.of(bench, size, a, false, b, false), own);
            return;
        }
        GemmProduct product = GemmProduct.of(bench, size, false, false);
        Gemm.Precision precision = kind == Kind.TF32 ? Gemm.Precision.TF32 : Gemm.Precision.FULL;
        run(bench, product.with(product.gemm().precision(precision)), own);
    }

    private static void run(Bench bench, GemmProduct product, boolean own) {
        Gemm gemm = product.gemm();
        bench.runPrepared(gemm, own ? gemm::prepareKernel : gemm);
        bench.check(() -> product.check(bench));
    }
}
