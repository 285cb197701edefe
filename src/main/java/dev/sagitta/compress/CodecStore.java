package dev.sagitta.compress;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Kept.Codes;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.codec.Codec;
import dev.sagitta.kernel.codec.CodecFormat;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.kernel.reduce.Dots;
import dev.sagitta.program.SavedStore;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.function.ToIntFunction;

/**
 * Keeps saved activations in 1, 2, 4 or 8 bits per element, with unbiased stochastic rounding on a grid per group of 256. The value itself is
 * free again right after the op that read it; each later pass that needs it unpacks it into workspace.
 *
 * <p>Readers that are linear in the value stay unbiased, others do not: {@link ActivationPolicy} says which derivatives that leaves exact.
 *
 * <p>Where a computation measures, it also adds up what the rounding costs, exactly and without an extra pass over what is kept: for a linear layer with output
 * cotangent rows g_n and rounding variance V_n of row n, {@code tr Var(grad W) = sum_n ||g_n||^2 V_n}. The sum is the persistent value
 * {@code sensitivity.NAME}. For a nonlinear reader the same number bounds the variance of its input's cotangent up to a factor of order one.
 */
final class CodecStore implements SavedStore {
    /** Set by the codec when a group held an infinity or a NaN. */
    static final String FLAGS = "activation.flags";

    private static final int GROUP = 256;

    private final ToIntFunction<SavedTensor> bits;

    /** @param bits of a tensor, or of the tensor whose tangents it is: 1, 2, 4, 8, or 32 to keep it exact */
    CodecStore(ToIntFunction<SavedTensor> bits) {
        this.bits = bits;
    }

    static String sensitivity(String name) {
        return "sensitivity." + name;
    }

    @Override
    public Kept keep(Emitter e, SavedTensor tensor, Value value) {
        int width = bits.applyAsInt(tensor);
        if (width == 32) {
            return SavedStore.EXACT.keep(e, tensor, value);
        }
        CodecFormat format = new CodecFormat(width, GROUP, DType.BF16);
        long n = value.elements();
        Value codes = e.value(
                tensor.label() + ".codes",
                DType.U32,
                Shape.of(format.packedWords(n)),
                MemoryCategory.SAVED_ACTIVATIONS);
        Value grid = e.value(
                tensor.label() + ".grid",
                DType.BF16,
                Shape.of(format.metadataElements(n)),
                MemoryCategory.SAVED_ACTIVATIONS);
        Value flags = e.persistent(FLAGS, DType.U32, Shape.of(1), MemoryCategory.WORKSPACE);
        Value random = tensor.random();
        if (!tensor.measured() || tensor.isTangent()) {
            e.emit(
                    tensor.label() + ".pack",
                    values(value, random),
                    values(codes, grid, flags),
                    t -> Codec.stochastic(
                            format,
                            t.tensor(random),
                            tensor.stream(),
                            t.tensor(value),
                            t.tensor(codes),
                            t.tensor(grid),
                            t.tensor(flags)));
            return new Coded(tensor, format, value, codes, grid, null);
        }
        long rowLength = n / tensor.rows();
        Value segments = e.value(
                tensor.label() + ".segments",
                DType.F32,
                Shape.of(format.segments(tensor.rows(), rowLength)),
                MemoryCategory.WORKSPACE);
        Value variance =
                e.value(tensor.label() + ".variance", DType.F32, Shape.of(tensor.rows()), MemoryCategory.WORKSPACE);
        e.emit(
                tensor.label() + ".pack",
                values(value, random),
                values(codes, grid, flags, segments, variance),
                t -> Preparable.sequence(
                        Codec.stochastic(
                                        format,
                                        t.tensor(random),
                                        tensor.stream(),
                                        t.tensor(value),
                                        t.tensor(codes),
                                        t.tensor(grid),
                                        t.tensor(flags))
                                .withVariance(t.tensor(segments), rowLength),
                        Codec.rowVariance(format, t.tensor(segments), rowLength, t.tensor(variance))));
        return new Coded(tensor, format, value, codes, grid, variance);
    }

    private record Coded(SavedTensor tensor, CodecFormat format, Value value, Value words, Value grid, Value variance)
            implements Kept {

        @Override
        public Value restore(Emitter e) {
            Value restored = e.value(tensor.label() + ".restored", DType.F32, value.shape(), MemoryCategory.WORKSPACE);
            e.emit(
                    tensor.label() + ".unpack",
                    values(words, grid),
                    values(restored),
                    t -> Codec.unpack(format, t.tensor(words), t.tensor(grid), t.tensor(restored)));
            return restored;
        }

        @Override
        public Codes codes() {
            return new Codes(words, grid, format);
        }

        @Override
        public void observe(Emitter e, String reader, Value dy) {
            if (variance == null) {
                return;
            }
            long rows = tensor.rows();
            long n = dy.elements();
            long[] starts = new long[Math.toIntExact(rows) + 1];
            for (int i = 0; i <= rows; i++) {
                starts[i] = i * (n / rows);
            }
            Value offsets = e.constant("rows " + rows + " of " + n, starts);
            Value flat = dy.view(n);
            Value norms = e.value(reader + ".norms", DType.F32, Shape.of(rows), MemoryCategory.WORKSPACE);
            Value partials = e.value(
                    reader + ".norms.partials",
                    DType.F32,
                    Dots.partials(e.device(), n, 1, rows),
                    MemoryCategory.WORKSPACE);
            e.emit(
                    reader + ".norms",
                    values(dy, offsets),
                    values(norms, partials),
                    t -> new Dots(
                            t.tensor(flat), t.tensor(flat), t.tensor(offsets), t.tensor(norms), t.tensor(partials)));
            Value whole = e.constant("whole of " + rows, 0, rows);
            Value cost = e.value(reader + ".cost", DType.F32, Shape.of(1), MemoryCategory.WORKSPACE);
            Value costPartials = e.value(
                    reader + ".cost.partials",
                    DType.F32,
                    Dots.partials(e.device(), rows, 1, 1),
                    MemoryCategory.WORKSPACE);
            Value total = e.persistent(sensitivity(tensor.name()), DType.F32, Shape.of(1), MemoryCategory.WORKSPACE);
            e.emit(
                    reader + ".cost",
                    values(norms, variance, whole, total),
                    values(cost, costPartials, total),
                    t -> Preparable.sequence(
                            new Dots(
                                    t.tensor(norms),
                                    t.tensor(variance),
                                    t.tensor(whole),
                                    t.tensor(cost),
                                    t.tensor(costPartials)),
                            Arithmetic.axpy(1, t.tensor(cost), t.tensor(total))));
        }
    }
}
