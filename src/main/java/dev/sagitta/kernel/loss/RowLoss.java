package dev.sagitta.kernel.loss;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.GroupSums;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Locale;

/**
 * Losses that are a mean over rows of a function of output and target along the last axis, in the modes of an op: see the headers of the
 * kernels, cosine.h and kl.h, for the formulas. y and target are f32 [..., c] of n rows, a tangent [K, ...] of K n rows; a workspace has at
 * least {@link #workspaceBytes} and is not kept between launches. One launch where there are few elements, else a second one that adds up
 * the work-groups' sums. The loss of no row is 0.
 */
public final class RowLoss {
    private RowLoss() {}

    /** The function, and its floating-point operations per element in the modes. */
    public enum Kind {
        COSINE(6, 9, 13, 10),
        KL(8, 11, 8, 8);

        private final LossEntry.Flops flops;

        Kind(int forward, int backward, int tangentBackward, int curvature) {
            this.flops = new LossEntry.Flops(forward, backward, tangentBackward, curvature);
        }

        /** As kernels and models write it. */
        public String symbol() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public static long workspaceBytes(long n, long probes) {
        return GroupSums.bytes(n, probes);
    }

    private interface Entry extends LossEntry {
        Kind kind();

        @Override
        default String symbol() {
            return kind().symbol();
        }

        default long c() {
            return y().shape().extent(-1);
        }

        default long n() {
            return c() == 0 ? 0 : y().elements() / c();
        }

        @Override
        default String file() {
            return "loss/rows";
        }

        @Override
        default Geometry geometry(Device device) {
            return Work.rowSums(device, n(), c(), probes());
        }

        @Override
        default Signature example(String mode) {
            Signature s = LossEntry.super.example(mode);
            return s.require(
                    y().shape().rank() >= 1 && c() >= 1,
                    y() + " has no columns, expected [..., columns] of at least one");
        }

        default Signature extents(Signature s) {
            return s.i64("n", n()).i64("c", c());
        }
    }

    /** loss [1], or without {@code mean} f32 [3], metrics: the sum over rows, the number of rows, 0. */
    public record Forward(Kind kind, Tensor y, Tensor target, Tensor workspace, Tensor sum, boolean mean)
            implements Entry, LossEntry.Summed {
        @Override
        public Signature signature() {
            return extents(sums(example("forward"), n())
                            .outOrNull("dy", null, DType.F32)
                            .elements(y.elements())
                            .out("loss", sum, DType.F32)
                            .elements(mean ? 1 : 3))
                    .i32("mean", mean ? 1 : 0);
        }

        @Override
        public long flops() {
            return kind.flops.forward() * y.elements();
        }
    }

    /** loss [1] and its derivative by y, which may take the memory of y or of the target. */
    public record ForwardBackward(Kind kind, Tensor y, Tensor target, Tensor workspace, Tensor gradient, Tensor sum)
            implements Entry, LossEntry.Summed {
        @Override
        public Signature signature() {
            return extents(sums(example("forward"), n())
                            .out("dy", gradient, DType.F32)
                            .elements(y.elements())
                            .out("loss", sum, DType.F32)
                            .elements(1))
                    .i32("mean", 1);
        }

        @Override
        public long flops() {
            return kind.flops.backward() * y.elements();
        }
    }

    /** H_loss tangent, [K, ...], which may take the tangent's memory. */
    public record TangentBackward(Kind kind, Tensor y, Tensor target, Tensor tangent, Tensor out) implements Entry {
        @Override
        public Signature signature() {
            return extents(withTangent("tangent_backward")
                            .out("dyt", out, DType.F32)
                            .elements(tangent.elements()))
                    .i64("probes", probes());
        }

        @Override
        public long flops() {
            return kind.flops.tangentBackward() * tangent.elements();
        }
    }

    /** tangent[k]' H_loss tangent[k], [K]; of the cosine of either sign. */
    public record Curvature(Kind kind, Tensor y, Tensor target, Tensor tangent, Tensor workspace, Tensor sum)
            implements Entry, LossEntry.Summed {
        @Override
        public Signature signature() {
            return extents(sums(withTangent("curvature"), n())
                            .out("curvature", sum, DType.F32)
                            .elements(probes()))
                    .i64("probes", probes());
        }

        @Override
        public long flops() {
            return kind.flops.curvature() * tangent.elements();
        }
    }
}
