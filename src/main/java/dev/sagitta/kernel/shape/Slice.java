package dev.sagitta.kernel.shape;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/** A part of an axis, taken out of a tensor or put into one; fp32, or int32 whose bits are copied as they are. Tensors are seen as [outer, axis, inner]. */
public final class Slice {
    private static final String LAYOUT = "[outer, axis, inner]";
    private static final int WIDEST = 256;
    private static final int PER_ACCESS = 4;

    private Slice() {}

    /** y[o, a, i] = x[o, begin + a, i]: as many along the axis as y has. */
    public static Take take(Tensor x, long begin, Tensor y) {
        return new Take(x, begin, y);
    }

    /** y[o, begin + a, i] = x[o, a, i]; the rest of y stays. */
    public static Put put(Tensor x, long begin, Tensor y) {
        return new Put(x, begin, y);
    }

    /** The same, and the rest of y becomes zero: what {@link #take} is the transpose of. */
    public static Pad pad(Tensor x, long begin, Tensor y) {
        return new Pad(x, begin, y);
    }

    /** The tensor with less along the axis lies within the other one from {@code begin} on. */
    private static Signature fits(Signature s, Tensor whole, Tensor part, long begin) {
        s.require(
                        whole.dtype() == part.dtype() && (whole.dtype() == DType.F32 || whole.dtype() == DType.I32),
                        part + " is " + part.dtype().suffix() + " and " + whole + " "
                                + whole.dtype().suffix() + "; both must be f32 or both i32")
                .require(whole.shape().rank() == 3, whole + " must be " + LAYOUT + "; reshape it")
                .require(part.shape().rank() == 3, part + " must be " + LAYOUT + "; reshape it")
                .require(
                        whole.shape().extent(0) == part.shape().extent(0)
                                && whole.shape().extent(2) == part.shape().extent(2),
                        part + " has other outer or inner extents than " + whole + ", expected the same");
        long end = begin + part.shape().extent(1);
        return s.require(
                begin >= 0 && end <= whole.shape().extent(1),
                "positions " + begin + " to " + end + " are not within the "
                        + whole.shape().extent(1) + " of " + whole + ", where " + part
                        + " lies; begin at 0 or later and end within it");
    }

    private static long row(Tensor t) {
        return t.shape().extent(1) * t.shape().extent(2);
    }

    private static Signature numbers(
            Signature s,
            long outer,
            long width,
            long lead,
            long length,
            long xRow,
            long xFirst,
            long yRow,
            long yFirst) {
        return s.i64("outer", outer)
                .i64("width", width)
                .i64("lead", lead)
                .i64("length", length)
                .i64("x_row", xRow)
                .i64("x_first", xFirst)
                .i64("y_row", yRow)
                .i64("y_first", yFirst);
    }

    /** Pieces of {@code width} elements of which there are {@code outer}. */
    private interface Entry extends Descriptor {
        long outer();

        long width();

        @Override
        default Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Work.cpuGroups(device, outer() * width()), 1);
            }
            long accesses = Math.max(1, Work.ceil(width(), PER_ACCESS));
            int across = Work.powerOfTwo(accesses, WIDEST);
            int down = Work.GROUP / across;
            // one round of a work-item along its piece
            long along = Math.min(Work.ceil(accesses, across), Work.MOST_ACROSS);
            return Geometry.of(Math.max(1, Math.min(Work.ceil(outer(), down), 1 << 20)), along, 1, across, down);
        }

        @Override
        default Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }

    /**
     * See {@link Slice#take}.
     *
     * @param x f32 or i32 [outer, n, inner]
     * @param y as x, [outer, m, inner], begin + m &lt;= n
     */
    public record Take(Tensor x, long begin, Tensor y) implements Entry {
        @Override
        public Signature signature() {
            Signature s = Signature.of("slice_f32").present("x", x).present("y", y);
            s = fits(s, x, y, begin).in("x", x, x.dtype()).out("y", y, y.dtype());
            long first = begin * y.shape().extent(2);
            return numbers(s, outer(), width(), 0, width(), row(x), first, row(y), 0)
                    .bytes(2 * y.bytes());
        }

        @Override
        public long outer() {
            return y.shape().extent(0);
        }

        @Override
        public long width() {
            return row(y);
        }
    }

    /**
     * See {@link Slice#put}.
     *
     * @param x f32 or i32 [outer, m, inner]
     * @param y as x, [outer, n, inner], begin + m &lt;= n
     */
    public record Put(Tensor x, long begin, Tensor y) implements Entry {
        @Override
        public Signature signature() {
            Signature s = Signature.of("slice_f32").present("x", x).present("y", y);
            s = fits(s, y, x, begin).in("x", x, x.dtype()).inOut("y", y, y.dtype());
            long first = begin * x.shape().extent(2);
            return numbers(s, outer(), width(), 0, width(), row(x), 0, row(y), first)
                    .bytes(2 * x.bytes());
        }

        @Override
        public long outer() {
            return x.shape().extent(0);
        }

        @Override
        public long width() {
            return row(x);
        }
    }

    /**
     * See {@link Slice#pad}.
     *
     * @param x f32 or i32 [outer, m, inner]
     * @param y as x, [outer, n, inner], begin + m &lt;= n
     */
    public record Pad(Tensor x, long begin, Tensor y) implements Entry {
        @Override
        public Signature signature() {
            Signature s = Signature.of("slice_f32").present("x", x).present("y", y);
            s = fits(s, y, x, begin).in("x", x, x.dtype()).out("y", y, y.dtype());
            long lead = begin * x.shape().extent(2);
            return numbers(s, outer(), width(), lead, row(x), row(x), 0, row(y), 0);
        }

        @Override
        public long outer() {
            return x.shape().extent(0);
        }

        @Override
        public long width() {
            return row(y);
        }
    }
}
