package dev.sagitta.kernel.rotary;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/** Pairs of elements of every head turned by the angle of their place. */
public final class Rotary {
    private Rotary() {}

    /**
     * Where heads lie: element (row, head, c) at {@code from + row stride + head d + c}.
     *
     * @param stride elements from one row to the next
     */
    public record Place(long from, long stride) {}

    /**
     * y = x turned.
     *
     * @param x f32 [rows, at.stride]
     * @param table f32 [places, dims / 2, 2], cosine and sine
     * @param y f32 [rows, to.stride], not x; what lies between its heads is not written
     * @param t rows of a sequence
     * @param dims elements of a head that are turned, even, at most d
     * @param interleaved whether a pair is (2 m, 2 m + 1), not (m, m + dims / 2)
     * @param first place of a sequence's first row
     * @param inverse turned back: the transpose
     */
    public record Turn(
            Tensor x,
            Place at,
            Tensor table,
            Tensor y,
            Place to,
            int t,
            int heads,
            int d,
            int dims,
            boolean interleaved,
            int first,
            boolean inverse)
            implements Descriptor {
        private long rows() {
            return x.elements() / at.stride();
        }

        private long elements() {
            return rows() * heads * d;
        }

        @Override
        public Signature signature() {
            Signature s = Signature.of("rotary_turn_f32")
                    .require(
                            dims >= 2 && dims % 2 == 0 && dims <= d,
                            dims + " of " + d + " elements of a head; expected an even number, 2 to " + d)
                    .present("y", y)
                    .in("x", x, DType.F32)
                    .elements(y.elements() / to.stride() * at.stride())
                    .require(t >= 1 && rows() % t == 0, x + " has " + rows() + " rows; expected a multiple of " + t)
                    .in("table", table, DType.F32)
                    .require(
                            first >= 0 && table.elements() == (first + (long) t) * dims,
                            table + " has " + table.elements() + " elements; expected [" + (first + t) + ", " + dims / 2
                                    + ", 2]")
                    .out("y", y, DType.F32)
                    .elements(rows() * to.stride());
            return s.i64("x_from", at.from())
                    .i64("x_row", at.stride())
                    .i64("y_from", to.from())
                    .i64("y_row", to.stride())
                    .i64("rows", rows())
                    .i32("t", t)
                    .i32("heads", heads)
                    .i32("d", d)
                    .i32("dims", dims)
                    .i32("interleaved", interleaved ? 1 : 0)
                    .i32("first", first)
                    .i32("inverse", inverse ? 1 : 0)
                    .bytes(8 * elements() + table.bytes());
        }

        @Override
        public Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Math.min(rows(), Work.cpuGroups(device, elements())), 1);
            }
            return Work.rows(device, rows(), (long) heads * d, 1);
        }

        @Override
        public long flops() {
            return 3 * elements();
        }

        @Override
        public Tolerance tolerance() {
            return new Tolerance(3e-7, 1e-7);
        }
    }
}
