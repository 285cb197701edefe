package dev.sagitta.kernel.reduce;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Step;
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
public record Dots(Tensor u, Tensor v, Tensor offsets, Tensor out, Tensor partials) implements HandDescriptor {
    /** Short enough for an even share of work, long enough to hide the cost of a work-group and of its last vector. */
    private static final long LONGEST_ON_CPU = 32768;

    private static final long LONGEST_ON_GPU = 16384;
    private static final int FINISH_ACROSS = 32;

    /** Shape of the fp32 workspace: [K, C + L, 2]. */
    public static Shape partials(Device device, long n, long probes, long blocks) {
        return Shape.of(probes, chunks(device, n, probes).count() + blocks, 2);
    }

    private static Chunks chunks(Device device, long n, long probes) {
        return device.kind() == DeviceKind.OPENCL_CPU
                ? Chunks.of(device, n, 1, LONGEST_ON_CPU)
                : Chunks.of(device, n, probes, LONGEST_ON_GPU);
    }

    @Override
    public String file() {
        return "dots";
    }

    @Override
    public String entry() {
        return "dots_f32";
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

    @Override
    public void check() {
        Checks checks = new Checks("dots");
        for (Tensor tensor : new Tensor[] {u, v, out, partials}) {
            checks.open(tensor).dtype(tensor, DType.F32);
        }
        checks.open(offsets).dtype(offsets, DType.I64);
        int rank = u.shape().rank();
        checks.require(rank == 1 || rank == 2, u + " has rank " + rank + ", expected [K, n] or [n]");
        checks.require(probes() > 0, u + " has no probes, expected at least one");
        checks.require(
                blocks() > 0, offsets + " has " + offsets.elements() + " elements, expected L + 1 for L >= 1 blocks");
        checks.require(
                v.elements() == n() || v.elements() == u.elements(),
                v + " has " + v.elements() + " elements, expected " + n() + " (shared by the probes) or "
                        + u.elements());
        checks.elements(out, Math.multiplyExact(probes(), blocks()));
        checks.shape(
                partials,
                partials(partials.buffer().device(), n(), probes(), blocks()).toArray());
    }

    @Override
    public Geometry geometry(Device device) {
        long chunks = chunks(device, n(), probes()).count();
        return device.kind() == DeviceKind.OPENCL_CPU
                ? Geometry.linear(chunks, 1)
                : Geometry.linear(chunks * probes(), Work.GROUP);
    }

    private long chunk() {
        return chunks(partials.buffer().device(), n(), probes()).length();
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer(u.buffer()).buffer(v.buffer()).buffer(offsets.buffer()).buffer(partials.buffer());
        arguments.i64(n()).i64(probes()).i64(blocks()).i64(chunk()).i64(v.elements() == n() ? 0 : n());
    }

    @Override
    public Step prepare(Device device) {
        Step first = HandDescriptor.super.prepare(device);
        return Step.sequence(
                List.of(first, new Finish(partials, offsets, out, n(), probes(), blocks(), chunk()).prepare(device)));
    }

    private record Finish(Tensor partials, Tensor offsets, Tensor out, long n, long probes, long blocks, long chunk)
            implements HandDescriptor {
        @Override
        public String file() {
            return "dots";
        }

        @Override
        public String entry() {
            return "dots_finish_f32";
        }

        @Override
        public void check() {
            new Checks(entry()).open(partials).open(offsets).open(out);
        }

        @Override
        public Geometry geometry(Device device) {
            if (device.kind() == DeviceKind.OPENCL_CPU) {
                return Geometry.linear(Math.min(out.elements(), Work.cpuGroups(device, partials.elements())), 1);
            }
            int down = Work.GROUP / FINISH_ACROSS;
            return Geometry.of(Work.ceil(out.elements(), down), 1, 1, FINISH_ACROSS, down);
        }

        @Override
        public void arguments(Arguments arguments) {
            arguments.buffer(partials.buffer()).buffer(offsets.buffer()).buffer(out.buffer());
            arguments.i64(n).i64(probes).i64(blocks).i64(chunk);
        }

        @Override
        public long bytes() {
            return partials.bytes() + offsets.bytes() + out.bytes();
        }

        @Override
        public long flops() {
            return partials.elements() / 2;
        }
    }

    @Override
    public long bytes() {
        return u.bytes() + v.bytes() + offsets.bytes() + out.bytes();
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
