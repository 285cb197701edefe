package dev.sagitta.kernel.reduce;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.Work.Chunks;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/**
 * out[k, l] = sum over block l of u[k, i] v[k, i] or v[i], for K probes and L blocks, in two launches and a fixed order; compensated as in
 * {@link Reduce}. Blocks may be of any size; empty ones give 0.
 *
 * @param u [K, n], or [n] for K = 1, fp32
 * @param v [K, n], or [n] shared by the probes, fp32
 * @param offsets [L + 1] i64 in device memory: block l is [offsets[l], offsets[l + 1]), ascending; positions outside 0 .. n are ignored
 * @param out [K, L] fp32
 * @param partials workspace of the shape that {@link #partials} states
 */
public record Dots(Tensor u, Tensor v, Tensor offsets, Tensor out, Tensor partials) implements Descriptor {
    /** Short enough for an even share of work, long enough to hide the cost of a work-group and of its last vector. */
    private static final long LONGEST_ON_CPU = 32768;

    private static final long LONGEST_ON_GPU = 16384;
    private static final int FINISH_ACROSS = 32;

    /** Shape of the fp32 workspace: [K, C + L, 2]. */
    public static Shape partials(Device device, long n, long probes, long blocks) {
        return Shape.of(probes, chunks(device, n, probes).count() + blocks, 2);
    }

    private static Chunks chunks(Device device, long n, long probes) {
        return Work.onCpu(device)
                ? Chunks.of(device, n, 1, LONGEST_ON_CPU)
                : Chunks.of(device, n, probes, LONGEST_ON_GPU);
    }

    private long n() {
        return u.shape().extent(-1);
    }

    private long probes() {
        return u.shape().rank() == 1 ? 1 : u.shape().extent(0);
    }

    private long blocks() {
        return offsets.elements() - 1;
    }

    private long chunk() {
        return chunks(u.buffer().device(), n(), probes()).length();
    }

    @Override
    public Signature signature() {
        Signature s = Signature.of("dots_f32").in("u", u, DType.F32);
        int rank = u.shape().rank();
        s.require(rank == 1 || rank == 2, u + " has rank " + rank + ", expected [K, n] or [n]")
                .require(probes() > 0, u + " has no probes, expected at least one")
                .in("v", v, DType.F32)
                .require(
                        v.elements() == n() || v.elements() == u.elements(),
                        v + " has " + v.elements() + " elements, expected " + n() + " (shared by the probes) or "
                                + u.elements())
                .in("offsets", offsets, DType.I64)
                .require(
                        blocks() > 0,
                        offsets + " has " + offsets.elements() + " elements, expected L + 1 for L >= 1 blocks")
                .out("out", out, DType.F32)
                .ofAnotherLaunch()
                .elements(Math.multiplyExact(probes(), blocks()));
        Shape workspace = partials(u.buffer().device(), n(), probes(), blocks());
        s.workspace("partials", partials, DType.F32, workspace.toArray());
        return extents(s, n(), probes(), blocks(), chunk()).i64("v_stride", v.elements() == n() ? 0 : n());
    }

    private static Signature extents(Signature s, long n, long probes, long blocks, long chunk) {
        return s.i64("n", n).i64("probes", probes).i64("blocks", blocks).i64("chunk", chunk);
    }

    @Override
    public Geometry geometry(Device device) {
        long chunks = chunks(device, n(), probes()).count();
        return Work.onCpu(device) ? Geometry.linear(chunks, 1) : Geometry.linear(chunks * probes(), Work.GROUP);
    }

    @Override
    public List<Descriptor> launches(Device device) {
        return List.of(this, new Finish(partials, offsets, out, n(), probes(), blocks(), chunk()));
    }

    private record Finish(Tensor partials, Tensor offsets, Tensor out, long n, long probes, long blocks, long chunk)
            implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = Signature.of("dots_finish_f32")
                    .in("partials", partials, DType.F32)
                    .in("offsets", offsets, DType.I64)
                    .out("out", out, DType.F32);
            return extents(s, n, probes, blocks, chunk);
        }

        @Override
        public Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Math.min(out.elements(), Work.cpuGroups(device, partials.elements())), 1);
            }
            int down = Work.GROUP / FINISH_ACROSS;
            return Geometry.of(Work.ceil(out.elements(), down), 1, 1, FINISH_ACROSS, down);
        }

        @Override
        public long flops() {
            return partials.elements() / 2;
        }
    }

    @Override
    public long flops() {
        return 2 * u.elements();
    }

    @Override
    public Tolerance tolerance() {
        return new Tolerance(3e-7, 1e-37);
    }
}
