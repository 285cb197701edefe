package dev.sagitta.kernel.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.embedding.EmbeddingGather;
import dev.sagitta.kernel.embedding.EmbeddingScatter;
import dev.sagitta.kernel.embedding.EmbeddingSort;
import dev.sagitta.kernel.optimiser.Optimiser;
import dev.sagitta.kernel.optimiser.OptimiserSettings;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Bad input of the loss, embedding and optimiser descriptors: refused before anything is launched, by name. */
class LossDescriptorTest {
    private final Device device = TestDevices.get(TestDevices.names().get(0));
    private final List<Buffer> buffers = new ArrayList<>();

    private Tensor f32(String name, long... shape) {
        return of(DType.F32, name, shape);
    }

    private Tensor i32(String name, long... shape) {
        return of(DType.I32, name, shape);
    }

    private Tensor of(DType dtype, String name, long... shape) {
        Tensor tensor = Tensor.allocate(device, MemoryCategory.OTHER, name, dtype, Shape.of(shape));
        buffers.add(tensor.buffer());
        return tensor;
    }

    private Tensor workspace(long bytes) {
        return of(DType.U8, "workspace", bytes);
    }

    @AfterEach
    void close() {
        buffers.forEach(Buffer::close);
    }

    private static void refused(Descriptor descriptor, String... parts) {
        assertThatThrownBy(descriptor::check)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(descriptor.entry() + ": ")
                .satisfies(error -> assertThat(error.getMessage()).contains(parts));
    }

    @Test
    void crossEntropy() {
        Tensor z = f32("z", 4, 3);
        Tensor labels = i32("labels", 4);
        Tensor w = workspace(SoftmaxCrossEntropy.workspaceBytes(4, 2));
        Tensor loss = f32("loss", 1);
        refused(SoftmaxCrossEntropy.forward(i32("z", 4, 3), labels, -1, w, loss), "'z'", "i32", "expected f32");
        refused(SoftmaxCrossEntropy.forward(f32("z", 12), labels, -1, w, loss), "'z'", "[rows, classes]", "reshape");
        refused(
                SoftmaxCrossEntropy.forward(f32("z", 4, 0), labels, -1, w, loss),
                "0 classes",
                "expected 1 to 2^30 - 1");
        refused(SoftmaxCrossEntropy.forward(z, f32("labels", 4), -1, w, loss), "'labels'", "expected i32");
        refused(SoftmaxCrossEntropy.forward(z, i32("labels", 5), -1, w, loss), "'labels'", "[5]", "expected [4]");
        refused(SoftmaxCrossEntropy.forward(z, labels, -1, w, f32("loss", 2)), "'loss'", "2 elements", "expected 1");
        refused(SoftmaxCrossEntropy.forward(z, labels, -1, w, i32("loss", 1)), "'loss'", "expected f32");
        refused(SoftmaxCrossEntropy.forward(z, labels, -1, workspace(8), loss), "8 bytes", "workspaceBytes");
        refused(
                SoftmaxCrossEntropy.forward(z, labels, -1, w, loss).withRowLosses(f32("rows", 3)),
                "'rows'",
                "expected [4]");
        refused(
                SoftmaxCrossEntropy.forwardBackward(z, labels, -1, w, loss, f32("dz", 3, 4)),
                "'dz'",
                "expected [4, 3]");
        refused(SoftmaxCrossEntropy.metrics(z, labels, -1, w, loss, null), "'loss'", "expected 3");
        Tensor metrics = f32("metrics", 3);
        refused(SoftmaxCrossEntropy.metrics(z, labels, -1, w, metrics, i32("counts", 2)), "'counts'", "expected i64");
        refused(
                SoftmaxCrossEntropy.metrics(z, labels, -1, w, metrics, null).withRowLosses(f32("rows", 4)),
                "forward modes only");
    }

    @Test
    void crossEntropyTangents() {
        Tensor z = f32("z", 4, 3);
        Tensor labels = i32("labels", 4);
        Tensor w = workspace(SoftmaxCrossEntropy.workspaceBytes(4, 2));
        Tensor zt = f32("zt", 2, 4, 3);
        Tensor two = f32("out", 2);
        refused(SoftmaxCrossEntropy.tangent(z, labels, -1, f32("zt", 4, 3), w, two), "'zt'", "[probes, rows, classes]");
        refused(
                SoftmaxCrossEntropy.tangent(z, labels, -1, f32("zt", 0, 4, 3), w, two),
                "'zt'",
                "[probes, rows, classes]");
        refused(SoftmaxCrossEntropy.tangent(z, labels, -1, f32("zt", 2, 3, 4), w, two), "'zt'", "expected [2, 4, 3]");
        refused(SoftmaxCrossEntropy.curvature(z, labels, -1, zt, w, f32("out", 3)), "'out'", "expected 2");
        refused(
                SoftmaxCrossEntropy.tangentBackward(z, labels, -1, zt, w, f32("dz", 4, 3)),
                "'dz'",
                "expected [2, 4, 3]");
        refused(
                SoftmaxCrossEntropy.curvature(z, labels, -1, f32("zt", 90, 4, 3), w, f32("out", 90)),
                "bytes",
                "workspaceBytes");
    }

    @Test
    void squaredError() {
        Tensor y = f32("y", 4, 3);
        Tensor w = workspace(SquaredError.workspaceBytes(12, 2));
        Tensor loss = f32("loss", 1);
        refused(SquaredError.forward(y, f32("t", 13), w, loss), "'t'", "13 elements", "expected 12");
        refused(SquaredError.forward(y, i32("t", 12), w, loss), "'t'", "expected f32");
        refused(SquaredError.forward(y, y, workspace(4), loss), "4 bytes", "workspaceBytes");
        refused(SquaredError.forwardBackward(y, y, w, loss, f32("dy", 3)), "'dy'", "expected 12");
        refused(SquaredError.tangent(y, y, f32("yt", 24), w, f32("out", 2)), "'yt'", "[probes, ...]");
        refused(SquaredError.tangent(y, y, f32("yt", 2, 11), w, f32("out", 2)), "'yt'", "expected 24");
        refused(SquaredError.curvature(f32("yt", 2, 12), w, loss), "'loss'", "expected 2");
        refused(SquaredError.tangentBackward(f32("yt", 2, 12), f32("dyt", 12)), "'dyt'", "expected 24");
        refused(SquaredError.metrics(f32("y", 0, 3), f32("t", 0, 3), w, f32("metrics", 3)), "no example");
    }

    @Test
    void embedding() {
        Tensor table = f32("table", 2, 5, 3);
        Tensor ids = i32("ids", 4);
        Tensor y = f32("y", 2, 4, 3);
        Tensor w = workspace(EmbeddingScatter.workspaceBytes(4, 5));
        refused(EmbeddingGather.of(f32("table", 5, 3), ids, y), "'table'", "[tables, rows, width]");
        refused(EmbeddingGather.of(f32("table", 2, 0, 3), ids, y), "'table'", "empty");
        refused(EmbeddingGather.of(table, f32("ids", 4), y), "'ids'", "expected i32");
        refused(EmbeddingGather.of(table, ids, f32("y", 4, 2, 3)), "'y'", "expected [2, 4, 3]");
        refused(new EmbeddingSort(ids, w, 0), "table of 0 rows");
        refused(new EmbeddingSort(ids, w, 1L << 31), "table of 2147483648 rows", "2^31 - 1");
        refused(new EmbeddingSort(ids, workspace(3), 5), "3 bytes", "expected at least 56");
        refused(EmbeddingScatter.of(i32("ids", 5), y, table, w, false), "'ids'", "expected 4");
        refused(EmbeddingScatter.of(ids, f32("dy", 24), table, w, false), "'dy'", "[tables, ids, width]");
        refused(EmbeddingScatter.of(ids, f32("dy", 1, 4, 3), table, w, false), "'dy'", "expected [2, 4, 3]");
        refused(EmbeddingScatter.of(ids, y, f32("dtable", 5, 3), w, false), "'dtable'", "[tables, rows, width]");
        refused(EmbeddingScatter.sorted(y, table, workspace(3), false), "3 bytes");
    }

    @Test
    void optimisers() {
        Tensor p = f32("p", 65);
        Tensor s = f32("settings", OptimiserSettings.LENGTH);
        refused(Optimiser.sgd(p, f32("g", 64), null, null, s), "'g'", "expected 65");
        refused(Optimiser.sgd(p, p, f32("u", 64), null, s), "'u'", "expected 65");
        refused(Optimiser.sgd(p, p, null, of(DType.U8, "decay", 1), s), "'decay'", "expected 2");
        refused(Optimiser.sgd(p, p, null, f32("decay", 2), s), "'decay'", "expected u8");
        refused(Optimiser.sgd(p, p, null, null, f32("settings", 8)), "'settings'", "expected 16");
        refused(Optimiser.adamW(p, p, p, null, null, s), "both moments");
        refused(
                Optimiser.sgd(p, p, null, null, s).clipped(workspace(64), f32("norm", 2)),
                "64 bytes",
                "WORKSPACE_BYTES");
        Tensor w = workspace(Optimiser.WORKSPACE_BYTES);
        refused(Optimiser.sgd(p, p, null, null, s).clipped(w, null), "reports the norm");
        refused(Optimiser.sgd(p, p, null, null, s).clipped(w, f32("norm", 1)), "'norm'", "expected 2");
    }

    @Test
    void optimiserSettings() {
        assertThatThrownBy(() -> OptimiserSettings.adamW(1e-3, 0.9, 1, 1e-8, 0, 1, 1))
                .hasMessageContaining("beta2 1.0");
        assertThatThrownBy(() -> OptimiserSettings.adamW(1e-3, 0.9, 0.999, 1e-8, 0, 0, 1))
                .hasMessageContaining("step 0");
        assertThatThrownBy(() -> OptimiserSettings.sgd(Double.NaN, 0, false, 0, 1))
                .hasMessageContaining("learning rate NaN");
        assertThatThrownBy(() -> OptimiserSettings.sgd(0.1, 0, false, 0, 0)).hasMessageContaining("maximum norm 0.0");
    }

    @Test
    void workspacesAreCountedIn64Bits() {
        assertThatThrownBy(() -> SoftmaxCrossEntropy.workspaceBytes(3L << 31, Long.MAX_VALUE / 4))
                .isInstanceOf(ArithmeticException.class);
    }

    @Test
    void closedMemoryIsRefused() {
        Tensor loss = f32("loss", 1);
        Tensor z = f32("z", 4, 3);
        Tensor w = workspace(SoftmaxCrossEntropy.workspaceBytes(4, 1));
        z.buffer().close();
        assertThatThrownBy(() -> SoftmaxCrossEntropy.forward(z, i32("labels", 4), -1, w, loss)
                        .prepare(device))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("'z'");
    }
}
