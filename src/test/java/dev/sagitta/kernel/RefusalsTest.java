package dev.sagitta.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.fixture.PretendBuffer;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.codec.Codec;
import dev.sagitta.kernel.codec.CodecFormat;
import dev.sagitta.kernel.elementwise.Bias;
import dev.sagitta.kernel.elementwise.Mask;
import dev.sagitta.kernel.elementwise.Pointwise;
import dev.sagitta.kernel.elementwise.Zero;
import dev.sagitta.kernel.embedding.Embedding;
import dev.sagitta.kernel.gemm.Gemm;
import dev.sagitta.kernel.loss.CrossEntropy;
import dev.sagitta.kernel.loss.ElementLoss;
import dev.sagitta.kernel.loss.RowLoss;
import dev.sagitta.kernel.optimiser.Optimiser;
import dev.sagitta.kernel.optimiser.OptimiserSettings;
import dev.sagitta.kernel.packed.PackedWeights;
import dev.sagitta.kernel.packed.QMatmul;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.kernel.packed.Quantize;
import dev.sagitta.kernel.random.Random;
import dev.sagitta.kernel.reduce.Dots;
import dev.sagitta.kernel.reduce.Reduce;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import org.junit.jupiter.api.Test;

/**
 * What descriptors refuse beyond a tensor that is missing, closed, elsewhere, or of another dtype or shape, which the suite tries in every
 * case: ranks, ragged parts, limits, and what contradicts itself.
 */
class RefusalsTest {
    private final Device device = TestDevices.get(TestDevices.one());

    private Tensor of(DType dtype, String name, long... shape) {
        return new Tensor(name, new PretendBuffer(device, Long.MAX_VALUE), dtype, Shape.of(shape));
    }

    private Tensor f32(String name, long... shape) {
        return of(DType.F32, name, shape);
    }

    private Tensor i32(String name, long... shape) {
        return of(DType.I32, name, shape);
    }

    private Tensor workspace(long bytes) {
        return of(DType.U8, "workspace", bytes);
    }

    private static void refused(Descriptor descriptor, String... words) {
        assertThatIllegalArgumentException().isThrownBy(descriptor::check).withMessageContainingAll(words);
    }

    @Test
    void crossEntropy() {
        Tensor z = f32("z", 4, 3);
        Tensor labels = i32("labels", 4);
        Tensor w = workspace(CrossEntropy.workspaceBytes(4, 2));
        Tensor loss = f32("loss", 1);
        refused(CrossEntropy.forward(f32("z", 12), labels, -1, w, loss), "'z'", "[rows, classes]", "reshape");
        refused(CrossEntropy.forward(f32("z", 4, 0), labels, -1, w, loss), "0 classes", "expected 1 to 2^30 - 1");
        refused(CrossEntropy.forward(z, labels, -1, workspace(8), loss), "8 bytes", "workspaceBytes");
        refused(CrossEntropy.forward(z, labels, -1, w, loss).withRowLosses(f32("rows", 3)), "'rows'", "expected [4]");
        Tensor two = f32("out", 2);
        refused(CrossEntropy.tangent(z, labels, -1, f32("zt", 4, 3), w, two), "'zt'", "[probes, rows, classes]");
        refused(CrossEntropy.tangent(z, labels, -1, f32("zt", 0, 4, 3), w, two), "'zt'", "[probes, rows, classes]");
        refused(CrossEntropy.tangent(z, labels, -1, f32("zt", 2, 3, 4), w, two), "'zt'", "expected [2, 4, 3]");
        refused(
                CrossEntropy.curvature(z, labels, -1, f32("zt", 90, 4, 3), w, f32("out", 90)),
                "bytes",
                "workspaceBytes");
        assertThatThrownBy(() -> CrossEntropy.workspaceBytes(3L << 31, Long.MAX_VALUE / 4))
                .isInstanceOf(ArithmeticException.class);
    }

    @Test
    void lossesOfElementsAndRows() {
        Tensor y = f32("y", 4, 3);
        Tensor w = workspace(ElementLoss.workspaceBytes(12, 2));
        ElementLoss.Kind mse = ElementLoss.Kind.MSE;
        refused(new ElementLoss.Forward(mse, 1, y, y, workspace(4), f32("loss", 1)), "4 bytes", "workspaceBytes");
        refused(new ElementLoss.Curvature(mse, 1, y, y, f32("yt", 24), w, f32("out", 2)), "'yt'", "[probes, ...]");
        Tensor none = f32("y", 0, 3);
        refused(new ElementLoss.Metrics(mse, 1, none, none, w, f32("metrics", 3)), "no example");
        RowLoss.Kind kl = RowLoss.Kind.KL;
        refused(new RowLoss.Forward(kl, y, f32("t", 4), w, f32("loss", 1), true), "'t'", "expected 12");
        refused(new RowLoss.Forward(kl, f32("y", 4, 0), none, w, f32("loss", 1), true), "'y'", "no columns");
        refused(new RowLoss.Forward(kl, y, y, workspace(4), f32("loss", 1), true), "4 bytes", "workspaceBytes");
        refused(new RowLoss.TangentBackward(kl, y, y, f32("yt", 24), f32("out", 24)), "'yt'", "[probes, ...]");
    }

    @Test
    void embedding() {
        Tensor table = f32("table", 2, 5, 3);
        Tensor ids = i32("ids", 4);
        Tensor y = f32("y", 2, 4, 3);
        Tensor w = workspace(Embedding.workspaceBytes(4, 5));
        refused(Embedding.gather(f32("table", 5, 3), ids, y), "'table'", "[tables, rows, width]");
        refused(Embedding.gather(f32("table", 2, 0, 3), ids, y), "'table'", "empty");
        refused(Embedding.sort(ids, w, 0), "table of 0 rows");
        refused(Embedding.sort(ids, w, 1L << 31), "table of 2147483648 rows", "2^31 - 1");
        refused(Embedding.sort(ids, workspace(3), 5), "3 bytes", "expected at least 56");
        refused(Embedding.scatter(ids, f32("dy", 24), table, w, false), "'dy'", "[tables, ids, width]");
        refused(Embedding.scatter(ids, f32("dy", 1, 4, 3), table, w, false), "'dy'", "expected [2, 4, 3]");
        refused(Embedding.scatter(ids, y, f32("dtable", 5, 3), w, false), "'dtable'", "[tables, rows, width]");
        refused(Embedding.sorted(y, table, workspace(3), false), "3 bytes");
    }

    @Test
    void optimiser() {
        Tensor p = f32("p", 65);
        Tensor s = f32("settings", OptimiserSettings.LENGTH);
        Tensor w = workspace(Optimiser.WORKSPACE_BYTES);
        refused(Optimiser.adamW(p, p, p, null, null, s), "v is missing");
        refused(
                Optimiser.sgd(p, p, null, null, s).clipped(workspace(64), f32("norm", 2)),
                "64 bytes",
                "WORKSPACE_BYTES");
        refused(Optimiser.sgd(p, p, null, null, s).clipped(w, null), "reports the norm");
        refused(Optimiser.sgd(p, p, null, null, s).clipped(w, f32("norm", 1)), "'norm'", "expected 2");
    }

    @Test
    void codec() {
        CodecFormat format = CodecFormat.of(4);
        Tensor state = of(DType.U32, "state", 4);
        Tensor x = f32("x", 1000);
        Tensor codes = of(DType.U32, "codes", 125);
        Tensor metadata = f32("metadata", 8);
        Tensor flags = of(DType.U32, "flags", 1);
        Tensor segments = f32("segments", 14);
        Codec.Pack pack = Codec.stochastic(format, state, 1, x, codes, metadata, flags);
        pack.withVariance(segments, 100).check();
        refused(pack.withVariance(segments, 300), "'x'", "rows of 300");
        refused(pack.withVariance(segments, 0), "rows of 0");
        refused(Codec.nearest(format, x, codes, metadata, flags).withVariance(segments, 100), "nearest", "no variance");
        refused(Codec.rowVariance(format, segments, 0, f32("variance", 10)), "rows of 0");
        refused(
                Codec.stochastic(format, state, 1, x, codes, of(DType.BF16, "metadata", 8), flags),
                "'metadata'",
                "bf16",
                "expected f32");
    }

    @Test
    void random() {
        Tensor state = of(DType.U32, "state", 4);
        Tensor bits = of(DType.U32, "bits", 8);
        Random.bits(state, 1, bits).from(16).check();
        refused(Random.bits(state, 1, bits).from(6), "first element 6", "multiple of 4");
        refused(Random.bits(state, 1, bits).from(-4), "first element -4");
        refused(Random.bits(state, 1, bits).from((1L << 50) - 4), "2^50");
        Tensor which = of(DType.I64, "which", 3);
        Tensor segments = of(DType.I64, "segments", 8);
        Tensor x = f32("x", 1000);
        Random.Kind kind = Random.Kind.RADEMACHER;
        Random.probeVectors(kind, which, segments, 4, 2, x).check();
        refused(Random.probeVectors(Random.Kind.BITS, which, segments, 4, 2, x), "BITS", "RADEMACHER or NORMAL");
        refused(Random.probeVectors(kind, which, which, 4, 2, x), "'which'", "3", "4 for each parameter");
        refused(Random.probeVectors(kind, which, segments, 1L << 30, 2, x), "1073741824 chunks", "fewer probes");
        refused(Random.probeVectors(kind, which, segments, 4, 0, x), "0 probes");
        Random.dropout(state, 1, 0, 500, x, x).check();
        refused(Random.dropout(state, 1, 1, 500, x, x), "probability 1.0", "p < 1");
        refused(Random.dropout(state, 1, -0.1f, 500, x, x), "probability -0.1");
        refused(Random.dropout(state, 1, Float.NaN, 500, x, x), "NaN");
        refused(Random.dropout(state, 1, 0.5f, 300, x, x), "'x'", "probes of 300");
        refused(Random.dropout(state, 1, 0.5f, 0, x, x), "probes of 0");
    }

    @Test
    void elementwise() {
        Tensor x = f32("x", 12);
        Tensor xt = f32("xt", 3, 12);
        Tensor partials = f32("partials", Pointwise.partials(device, 12, 3).toArray());
        refused(
                Pointwise.tangent(Function.TANH, x, f32("wrong", 11), xt),
                "'wrong'",
                "multiple of the 12",
                "probes in front");
        refused(
                Pointwise.curvature(Function.GELU, x, xt, x, f32("none", 0), partials),
                "'none'",
                "one element per probe");
        Tensor mask = of(DType.U32, "mask", 1);
        refused(Mask.apply(mask, 9, x, x), "'x'", "probes of 9");
        Tensor y = f32("y", 2, 5, 7);
        refused(Bias.add(y, f32("wide", 8)), "bias_add_f32", "'y'", "[2, 5, 7]", "8 columns", "'wide'");
        refused(Bias.add(y, f32("three", 3, 7)), "'y'", "3 batches", "'three'");
        refused(Bias.add(y, f32("cube", 2, 5, 7)), "'cube'", "rank 3", "[K, cols]");
        refused(Bias.add(y, f32("none", 0)), "'none'", "no columns");
        refused(Bias.gradient(y, f32("wide", 8), null, false), "bias_gradient_f32", "8 columns");
        Tensor tall = f32("tall", 200_000, 4);
        refused(Bias.gradient(tall, f32("db", 4), null, false), "needs a workspace", "Bias.partials");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Zero(null).prepare(device))
                .withMessage("zero: out is missing, expected a tensor");
    }

    @Test
    void reduce() {
        Tensor x = f32("x", 4, 10);
        Tensor out = f32("out", 4);
        Tensor partials = f32("partials", Reduce.partials(device, 4, 10).toArray());
        refused(Reduce.sum(x, f32("three", 3), partials), "'x'", "40 elements", "multiple of the 3 rows", "'three'");
        refused(Reduce.sum(x, f32("none", 0), partials), "'none'", "one element per row");
        refused(Reduce.max(f32("empty", 4, 0), out, partials), "max", "'empty'", "empty rows");
        refused(Reduce.argmax(f32("wide", 3L << 30), i32("at", 1), partials), "'wide'", "2^31 - 1", "split it");
        Tensor u = f32("u", 3, 10);
        Tensor v = f32("v", 10);
        Tensor offsets = of(DType.I64, "offsets", 3);
        refused(new Dots(u, f32("w", 20), offsets, out, partials), "'w'", "20", "10 (shared by the probes) or 30");
        refused(new Dots(u, v, of(DType.I64, "one", 1), out, partials), "'one'", "L + 1");
        refused(new Dots(f32("cube", 1, 2, 3), v, offsets, out, partials), "'cube'", "rank 3", "[K, n]");
        refused(new Dots(f32("none", 0, 10), v, offsets, out, partials), "'none'", "no probes");
    }

    @Test
    void packed() {
        QuantFormat format = new QuantFormat(4, 32, false);
        PackedWeights rows = packed(format, PackedWeights.Layout.ROWS);
        PackedWeights panels = packed(format, PackedWeights.Layout.PANELS);
        Tensor w = f32("weights", 20, 70);
        refused(Quantize.fit(w, panels), "PANELS", "ROWS", "Quantize.repack");
        refused(Quantize.pack(w, rows, null), "errors is missing");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Quantize.repack(rows, rows))
                .withMessageContaining("nothing to do");
        PackedWeights eight = packed(new QuantFormat(8, 32, false), PackedWeights.Layout.PANELS);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Quantize.repack(rows, eight))
                .withMessageContainingAll("bits=4", "bits=8");
        refused(new Quantize.Repack(true, f32("m", 20, 3), f32("p", 1, 3, 16)), "[1, 3, 16]", "ceil(20 / 16)");
        refused(new Quantize.Repack(true, f32("m", 20, 3), f32("p", 2, 2, 16)), "at least 3");
        refused(new Quantize.Repack(false, f32("m", 20), f32("p", 2, 2, 16)), "[N, width]");
        refused(new Quantize.Repack(false, of(DType.I64, "m", 20, 3), f32("p", 2, 3, 16)), "i64", "u32 or f32");
        refused(new Quantize.Repack(false, of(DType.U32, "m", 20, 3), f32("p", 2, 3, 16)), "f32", "expected u32");
        Tensor x = f32("x", 3, 70);
        Tensor y = f32("y", 3, 20);
        QMatmul.forward(f32("x", 2, 3, 70), panels, null, f32("y", 2, 3, 20)).check();
        refused(QMatmul.forward(x, rows, null, y), "ROWS", "PANELS", "Quantize.repack");
        refused(QMatmul.forward(f32("x", 3, 71), panels, null, y), "'x'", "[3, 71]", "[.., 70]");
        refused(QMatmul.forward(f32("x", 0, 70), panels, null, f32("y", 0, 20)), "at least one row");
        refused(QMatmul.backward(x, panels, y), "qmatmul_backward_w4_f32", "'x'", "[.., 20]");
    }

    private PackedWeights packed(QuantFormat format, PackedWeights.Layout layout) {
        long[] groups = PackedWeights.groupsShape(format, layout, 20, 70).toArray();
        long[] words = PackedWeights.wordsShape(format, layout, 20, 70).toArray();
        return new PackedWeights(
                format, layout, 20, 70, of(DType.U32, "w.words", words), f32("w.s", groups), f32("w.c", groups));
    }

    @Test
    void gemm() {
        Tensor a = f32("x", 5, 7);
        Tensor b = f32("w", 7, 3);
        Tensor c = f32("y", 5, 3);
        Gemm.of(a, false, b, false, c).check();
        refused(Gemm.of(a, false, b, true, c), "B", "'w'", "[7, 3]", "expected [3, 7]");
        refused(Gemm.of(a, true, b, false, c), "A", "'x'", "[5, 7]", "expected [5, 5]");
        refused(Gemm.of(a, false, b, false, f32("y", 6, 3)), "'x'", "expected [6, 7]");
        refused(Gemm.of(f32("x", 35), false, b, false, c), "'x'", "1 axes", "expected 2");
        refused(Gemm.of(a, false, b, false, f32("y", 1, 1, 5, 3)), "'y'", "4 axes");
        Gemm.of(f32("x", 4, 5, 7), false, b, false, f32("y", 4, 5, 3)).check();
        refused(Gemm.of(f32("x", 2, 5, 7), false, b, false, f32("y", 4, 5, 3)), "'x'", "batch 2", "4", "shared");
        refused(Gemm.of(f32("x", 4, 5, 7), false, b, false, f32("y", 5, 3)), "'x'", "batch 4", "1");
        refused(Gemm.of(f32("x", 65536, 5, 7), false, b, false, f32("y", 65536, 5, 3)), "65536", "65535", "split");
    }

    @Test
    void dtypesOfProducts() {
        Tensor b = f32("w", 7, 3);
        Tensor c = f32("y", 5, 3);
        refused(Gemm.of(of(DType.BF16, "x", 5, 7), false, b, false, c), "'w'", "f32", "expected bf16");
        refused(Gemm.of(of(DType.I32, "x", 5, 7), false, b, false, c), "'x'", "i32", "f32, bf16 or f16");
        Tensor halfA = of(DType.F16, "x", 5, 7);
        Tensor halfB = of(DType.F16, "w", 7, 3);
        Gemm.of(halfA, false, halfB, false, c).check();
        refused(Gemm.of(halfA, false, halfB, false, of(DType.BF16, "y", 5, 3)), "'y'", "bf16", "f32", "f16");
        refused(Gemm.of(f32("x", 5, 7), false, b, false, of(DType.F16, "y", 5, 3)), "'y'", "f16", "f32");
        refused(Gemm.of(halfA, false, halfB, false, c).precision(Gemm.Precision.TF32), "TF32", "'x'", "f16", "FULL");
        Gemm batched = Gemm.of(f32("x", 2, 5, 7), false, f32("w", 7, 3), false, f32("y", 2, 5, 3));
        batched.bias(f32("bias", 3)).check();
        batched.bias(f32("bias", 2, 3)).check();
        refused(batched.bias(f32("bias", 5)), "'bias'", "5 elements", "N = 3", "6");
    }

    @Test
    void extentsOfProducts() {
        refused(Gemm.of(f32("x", 5, 0), false, f32("w", 0, 3), false, f32("y", 5, 3)), "K 0", "at least 1");
        refused(Gemm.of(f32("x", 0, 7), false, f32("w", 7, 3), false, f32("y", 0, 3)), "M 0", "at least 1");
        long many = 1L << 31;
        refused(Gemm.of(f32("x", many, 2), false, f32("w", 2, 3), false, f32("y", many, 3)), "2147483648", "split");
        long wide = 1L << 29;
        refused(Gemm.of(f32("x", wide, 2), false, f32("w", 2, wide), false, f32("y", wide, wide)), "64 x 64", "split");
        Tensor a = f32("x", 4, 4);
        Tensor b = f32("w", 4, 4);
        refused(Gemm.of(a, false, b, false, a), "'x'", "also a factor");
        refused(Gemm.of(a, false, b, false, b), "'w'", "also a factor");
        Gemm.of(a, false, a, true, b).check();
    }

    /** Memory that is closed after a step was prepared. */
    @Test
    void closedLater() {
        CodecFormat format = CodecFormat.of(4);
        try (Buffer memory = device.allocate(1 << 16, MemoryCategory.OTHER, "memory")) {
            Buffer gone = device.allocate(4000, MemoryCategory.OTHER, "gone");
            Tensor y = new Tensor("y", gone, DType.F32, Shape.of(1000));
            Tensor codes = new Tensor("codes", memory, DType.U32, Shape.of(125));
            Tensor metadata = new Tensor("metadata", memory, DType.F32, Shape.of(8));
            try (Step step = Codec.unpack(format, codes, metadata, y).prepare(device)) {
                gone.close();
                assertThatIllegalStateException()
                        .isThrownBy(() -> step.enqueue(device.stream()))
                        .withMessageContainingAll("gone", "closed");
            }
        }
    }

    @Test
    void preparingLooksAtTheDevice() {
        for (String name : TestDevices.names()) {
            Device other = TestDevices.get(name);
            if (other != device) {
                Tensor x = f32("x", 12);
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> Pointwise.forward(Function.GELU, x, x).prepare(other))
                        .withMessage("gelu_forward_f32: tensor 'x' f32 [12] is not on "
                                + other.info().id());
                return;
            }
        }
        assertThat(TestDevices.names()).hasSize(1);
    }
}
