package dev.sagitta.kernel.norm;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;

/**
 * What batch, group and instance norm make of their channels' sums: statistics, parameters' gradients and the terms that {@link ChannelNorm.Apply} reads;
 * fp32, formulas in {@code norm/channel_terms.gpu.cl}. All tensors are small.
 */
public final class ChannelTerms {
    private ChannelTerms() {}

    /**
     * Of what statistics are.
     *
     * @param groups of channels that share a set
     * @param rows of a segment
     * @param isFixed whether statistics are given and do not move
     */
    public record Sets(long segments, long rows, long channels, long groups, boolean isFixed) {
        /** Elements of a set. */
        long n() {
            return rows * (channels / groups);
        }

        private long[] statistics() {
            return new long[] {segments, channels};
        }

        /** [copies, segments, channels]. */
        public Shape statistics(long copies) {
            return Shape.of(copies, segments, channels);
        }

        /** [copies, segments, 5, channels]. */
        public Shape terms(long copies) {
            return Shape.of(copies, segments, ChannelNorm.TERMS, channels);
        }

        private Signature extents(Signature s, long pieces, long copies) {
            return s.i64("pieces", pieces)
                    .i64("copies", copies)
                    .i64("segments", segments)
                    .i64("channels", channels)
                    .i64("groups", groups);
        }

        private Geometry geometry(Device device, long copies) {
            long items = copies * Math.max(segments * groups, channels);
            return Work.onCpu(device)
                    ? Geometry.linear(Work.cpuGroups(device, items * 64), 1)
                    : Geometry.linear(
                            Math.max(1, Math.min(Work.ceil(items, Work.GROUP), Work.MOST_ACROSS)), Work.GROUP);
        }
    }

    private static long pieces(Tensor partials) {
        return partials == null ? 0 : partials.shape().extent(0);
    }

    private static Signature sums(Signature s, String name, Tensor partials, Sets sets, long copies, boolean optional) {
        if (!optional) {
            s.present(name, partials);
        }
        return s.inOrNull(name, partials, DType.F32)
                .exactly(pieces(partials), copies, sets.segments, ChannelNorm.SUMS, sets.channels);
    }

    private static Signature parameter(Signature s, String name, Tensor t, long... shape) {
        return s.inOrNull(name, t, DType.F32).exactly(shape);
    }

    /** @param accumulate whether it is added to */
    private static Signature gradient(Signature s, String name, Tensor t, boolean accumulate, long copies, Sets sets) {
        return s.tensor(name, t, accumulate ? Signature.Role.IN_OUT : Signature.Role.OUT, DType.F32, true)
                .elements(copies * sets.channels);
    }

    /**
     * Statistics and the terms of forward.
     *
     * @param partials of {@link ChannelNorm.Kind#SPREAD}
     * @param x f32 [segments, rows, channels], whose first row each segment's sums are about
     * @param w f32 [channels], or null
     * @param b f32 [channels], or null
     * @param mean f32 [segments, channels]
     * @param r f32 [segments, channels]
     * @param terms f32 [1, segments, 5, channels]
     * @param runningMean f32 [channels] that moves towards the mean, or null
     * @param runningVariance the same of the unbiased variance
     */
    public record Stats(
            Tensor partials,
            Tensor x,
            Tensor w,
            Tensor b,
            Tensor mean,
            Tensor r,
            Tensor terms,
            Tensor runningMean,
            Tensor runningVariance,
            Sets sets,
            float epsilon,
            float momentum)
            implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = sums(Signature.of("channel_stats_f32"), "partials", partials, sets, 1, false)
                    .in("x", x, DType.F32, sets.segments, sets.rows, sets.channels);
            s = parameter(s, "w", w, sets.channels);
            s = parameter(s, "b", b, sets.channels)
                    .out("mean", mean, DType.F32, sets.statistics())
                    .out("r", r, DType.F32, sets.statistics())
                    .out("terms", terms, DType.F32, sets.terms(1).toArray())
                    .inOutOrNull("running_mean", runningMean, DType.F32)
                    .exactly(sets.channels)
                    .inOutOrNull("running_variance", runningVariance, DType.F32)
                    .exactly(sets.channels);
            return sets.extents(s, pieces(partials), 1)
                    .i64("rows", sets.rows)
                    .f32("epsilon", epsilon)
                    .f32("momentum", momentum);
        }

        @Override
        public Geometry geometry(Device device) {
            return sets.geometry(device, 1);
        }
    }

    /** The same from given statistics, f32 [channels]. */
    public record Given(
            Tensor givenMean,
            Tensor givenVariance,
            Tensor w,
            Tensor b,
            Tensor mean,
            Tensor r,
            Tensor terms,
            float epsilon)
            implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = Signature.of("channel_given_f32").present("given_mean", givenMean);
            long channels = givenMean.elements();
            s = s.in("given_mean", givenMean, DType.F32, channels)
                    .free()
                    .in("given_variance", givenVariance, DType.F32, channels);
            s = parameter(s, "w", w, channels);
            return parameter(s, "b", b, channels)
                    .out("mean", mean, DType.F32, 1, channels)
                    .out("r", r, DType.F32, 1, channels)
                    .out("terms", terms, DType.F32, 1, 1, ChannelNorm.TERMS, channels)
                    .i64("channels", channels)
                    .f32("epsilon", epsilon);
        }

        @Override
        public Geometry geometry(Device device) {
            return new Sets(1, 1, givenMean.elements(), givenMean.elements(), true).geometry(device, 1);
        }
    }

    /**
     * Terms of the input's cotangent, and gradients.
     *
     * @param partials of {@link ChannelNorm.Kind#BOTH} of K cotangents; null where neither gradients nor moving statistics read them
     * @param terms f32 [K, segments, 5, channels], or null
     * @param dw f32 [K, channels], or null
     * @param db f32 [K, channels], or null
     */
    public record Backward(
            Tensor partials,
            Tensor r,
            Tensor w,
            Tensor terms,
            Tensor dw,
            Tensor db,
            Sets sets,
            long copies,
            boolean addW,
            boolean addB)
            implements Descriptor {
        @Override
        public Signature signature() {
            boolean optional = sets.isFixed && dw == null && db == null;
            Signature s = sums(Signature.of("channel_backward_f32"), "partials", partials, sets, copies, optional)
                    .in("r", r, DType.F32, sets.statistics());
            s = parameter(s, "w", w, sets.channels)
                    .outOrNull("terms", terms, DType.F32)
                    .exactly(sets.terms(copies).toArray());
            s = gradient(s, "dw", dw, addW, copies, sets);
            s = gradient(s, "db", db, addB, copies, sets);
            return sets.extents(s, pieces(partials), copies)
                    .i64("n", sets.n())
                    .i32("fixed", sets.isFixed ? 1 : 0)
                    .i32("add_w", addW ? 1 : 0)
                    .i32("add_b", addB ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return sets.geometry(device, copies);
        }
    }

    /**
     * Terms of K tangents, and those of the statistics.
     *
     * @param partials of {@link ChannelNorm.Kind#BOTH} of K tangents of x; null where they are 0 or move no statistics
     * @param mt f32 [K, segments, channels], or null
     * @param rt f32 [K, segments, channels], or null
     */
    public record Tangent(
            Tensor partials,
            Tensor r,
            Tensor w,
            Tensor wt,
            Tensor bt,
            Tensor terms,
            Tensor mt,
            Tensor rt,
            Sets sets,
            long copies)
            implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = sums(Signature.of("channel_tangent_f32"), "partials", partials, sets, copies, true)
                    .in("r", r, DType.F32, sets.statistics());
            s = parameter(s, "w", w, sets.channels);
            s = parameter(s, "wt", wt, copies, sets.channels);
            s = parameter(s, "bt", bt, copies, sets.channels)
                    .out("terms", terms, DType.F32, sets.terms(copies).toArray())
                    .outOrNull("mt", mt, DType.F32)
                    .exactly(copies, sets.segments, sets.channels)
                    .outOrNull("rt", rt, DType.F32)
                    .exactly(copies, sets.segments, sets.channels);
            return sets.extents(s, pieces(partials), copies)
                    .i64("n", sets.n())
                    .i32("fixed", sets.isFixed || partials == null ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return sets.geometry(device, copies);
        }
    }

    /**
     * Terms of the tangents of the input's cotangent, and tangents of gradients.
     *
     * @param partials of {@link ChannelNorm.Kind#PAIRS}, or BOTH where x has no tangents, of K tangents of the cotangent
     * @param ofCotangent of {@link ChannelNorm.Kind#BOTH} of the cotangent, cut into as many pieces
     */
    public record TangentBackward(
            Tensor partials,
            Tensor ofCotangent,
            Tensor r,
            Tensor mt,
            Tensor rt,
            Tensor w,
            Tensor wt,
            Tensor terms,
            Tensor dwt,
            Tensor dbt,
            Sets sets,
            long copies,
            boolean addW,
            boolean addB)
            implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = sums(Signature.of("channel_tangent_backward_f32"), "partials", partials, sets, copies, false);
            s = samePieces(s, partials, ofCotangent, sets).in("r", r, DType.F32, sets.statistics());
            s = parameter(s, "mt", mt, copies, sets.segments, sets.channels);
            s = parameter(s, "rt", rt, copies, sets.segments, sets.channels);
            s = parameter(s, "w", w, sets.channels);
            s = parameter(s, "wt", wt, copies, sets.channels)
                    .outOrNull("terms", terms, DType.F32)
                    .exactly(sets.terms(copies).toArray());
            s = gradient(s, "dwt", dwt, addW, copies, sets);
            s = gradient(s, "dbt", dbt, addB, copies, sets);
            return sets.extents(s, pieces(partials), copies)
                    .i64("n", sets.n())
                    .i32("fixed", sets.isFixed ? 1 : 0)
                    .i32("add_w", addW ? 1 : 0)
                    .i32("add_b", addB ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return sets.geometry(device, copies);
        }
    }

    private static Signature samePieces(Signature s, Tensor partials, Tensor ofCotangent, Sets sets) {
        s.present("of_cotangent", ofCotangent);
        return s.in(
                "of_cotangent",
                ofCotangent,
                DType.F32,
                pieces(partials),
                1,
                sets.segments,
                ChannelNorm.SUMS,
                sets.channels);
    }

    /**
     * out[k] = &lt;dy, y''[t, t]&gt;.
     *
     * @param partials of {@link ChannelNorm.Kind#SQUARES} of K tangents of x
     * @param ofCotangent of {@link ChannelNorm.Kind#BOTH} of the cotangent, cut into as many pieces
     * @param out f32 [K]
     */
    public record Curvature(
            Tensor partials,
            Tensor ofCotangent,
            Tensor r,
            Tensor mt,
            Tensor rt,
            Tensor w,
            Tensor wt,
            Tensor out,
            Sets sets,
            long copies)
            implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = sums(Signature.of("channel_curvature_f32"), "partials", partials, sets, copies, false);
            s = samePieces(s, partials, ofCotangent, sets).in("r", r, DType.F32, sets.statistics());
            s = parameter(s, "mt", mt, copies, sets.segments, sets.channels);
            s = parameter(s, "rt", rt, copies, sets.segments, sets.channels);
            s = parameter(s, "w", w, sets.channels);
            s = parameter(s, "wt", wt, copies, sets.channels).out("out", out, DType.F32, copies);
            return sets.extents(s, pieces(partials), copies).i64("n", sets.n()).i32("fixed", sets.isFixed ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.linear(copies, Work.onCpu(device) ? 1 : Work.GROUP);
        }
    }
}
