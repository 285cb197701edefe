package dev.sagitta.kernel.attention;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import java.util.Locale;

/**
 * A pass of {@link Attention} on tensor cores: the same arguments and results, with the factors of all products rounded. CUDA only, heads of up to
 * {@link #LARGEST_HEAD} elements, and as far as a work-group's shared memory reaches; everything else runs the plain pass.
 *
 * @param plain {@link Attention.Forward}, {@link Attention.Backward}, {@link Attention.Tangent}, {@link Attention.TangentBackward} or {@link Attention.Curvature}
 */
public record AttentionMma(Descriptor plain, Pass pass, Factors factors) implements Descriptor {
    /** Elements of a head at most. */
    public static final int LARGEST_HEAD = 128;

    private static final int THREADS = 128;
    /** {@code ATTENTION_MMA_OWN}. */
    private static final int OWN = 64;

    /** What the factors of products are rounded to; tensors stay fp32. */
    public enum Factors {
        /** 10 bits of fraction, fp32's range. */
        TF32(4, 0x1p-11),
        /** 7 bits of fraction, fp32's range. */
        BF16(2, 0x1p-8);

        private final int bytes;
        private final double rounding;

        Factors(int bytes, double rounding) {
            this.bytes = bytes;
            this.rounding = rounding;
        }

        /** How far a rounded factor may be off, as a share of it. */
        public double rounding() {
            return rounding;
        }

        String suffix() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * What the launch of a pass depends on beside its arguments.
     *
     * @param name of its entries
     * @param own operands whose tile stays in shared memory
     * @param others operands of which one tile after another does
     * @param rows whether there are work-groups of queries
     * @param keys whether there are work-groups of keys
     */
    record Pass(String name, AttentionProblem problem, int copies, int own, int others, boolean rows, boolean keys) {
        static Pass of(Descriptor plain) {
            if (plain instanceof Attention.Forward f) {
                return new Pass("forward", f.problem(), 1, 1, 2, true, false);
            }
            if (plain instanceof Attention.Tangent f) {
                return new Pass("tangent", f.problem(), f.copies(), 2, 4, true, false);
            }
            if (plain instanceof Attention.Backward f) {
                boolean keys = f.dk() != null || f.dv() != null;
                return new Pass("backward", f.problem(), f.copies(), 2, 2, f.dq() != null, keys);
            }
            if (plain instanceof Attention.TangentBackward f) {
                boolean keys = f.dkt() != null || f.dvt() != null;
                return new Pass("tangent_backward", f.problem(), f.copies(), 4, 4, f.dqt() != null, keys);
            }
            if (plain instanceof Attention.Curvature f) {
                return new Pass("curvature", f.problem(), f.copies(), 3, 4, true, false);
            }
            throw new IllegalArgumentException(plain.entry()
                    + " has no products; expected forward, backward, tangent, tangent backward or curvature");
        }
    }

    /** The pass with its factors rounded, wherever {@link #on} finds that it can be. */
    public static AttentionMma of(Descriptor plain, Factors factors) {
        return new AttentionMma(plain, Pass.of(plain), factors);
    }

    /** The same, or the plain pass itself where factors are not to be rounded. */
    public static Descriptor orPlain(Descriptor plain, Factors factorsOrNull) {
        return factorsOrNull == null ? plain : of(plain, factorsOrNull);
    }

    /** What a device runs: this, or the plain pass. */
    public Descriptor on(Device device) {
        boolean fits = device.kind() == DeviceKind.CUDA
                && pass.problem.d() <= LARGEST_HEAD
                && sharedBytes() <= device.info().localMemoryBytes();
        return fits ? this : plain;
    }

    /** Head size that the entry is made for. */
    private int width() {
        int d = pass.problem.d();
        return d <= 32 ? 32 : d <= 64 ? 64 : 128;
    }

    private int sharedBytes() {
        int width = width();
        int row = width * factors.bytes + 16;
        int others = width > 64 && pass.others == 4 && factors == Factors.TF32 ? 16 : 32;
        return pass.own * OWN * row + pass.others * others * (row + 4 * width) + 1024;
    }

    @Override
    public Signature signature() {
        return plain.signature();
    }

    @Override
    public String entry(Device device) {
        return "attention_" + pass.name + "_" + factors.suffix() + "_" + width();
    }

    @Override
    public Step prepare(Device device) {
        return on(device) == this ? Descriptor.super.prepare(device) : plain.prepare(device);
    }

    @Override
    public Geometry geometry(Device device) {
        AttentionProblem p = pass.problem;
        long rows = p.batch() * (long) p.heads() * Work.ceil(p.t(), OWN);
        if (plain instanceof Attention.Curvature) {
            return Geometry.of(rows, Math.min(pass.copies, Work.MOST_ACROSS), 1, THREADS, 1)
                    .withShared(sharedBytes());
        }
        long keys = p.batch() * (long) p.kvHeads() * Work.ceil(p.s(), OWN);
        long groups = Math.multiplyExact((long) pass.copies, (pass.rows ? rows : 0) + (pass.keys ? keys : 0));
        return Geometry.linear(groups, THREADS).withShared(sharedBytes());
    }

    @Override
    public long bytes() {
        return plain.bytes();
    }

    @Override
    public long flops() {
        return plain.flops();
    }

    /** As the plain pass's, and the rounding of two factors of each product, through at most three products one after another. */
    @Override
    public Tolerance tolerance() {
        Tolerance plainly = plain.tolerance();
        return new Tolerance(plainly.relative() + 6 * factors.rounding, plainly.absolute());
    }
}
