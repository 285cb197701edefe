package dev.sagitta.quant;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.packed.PackedWeights;
import dev.sagitta.kernel.packed.PackedWeights.Layout;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.kernel.packed.Quantize;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A packed weight [N, K] in host memory as files hold it; docs/packed-weights.md has the layout.
 *
 * @param words {@code NAME.packed}, u32 [N, ceil(K bits / 32)]
 * @param scales {@code NAME.scales}, f32 [N, ceil(K / group)]
 * @param zeros {@code NAME.zeros}, the same, or null if the format is symmetric
 */
record PackedTensors(
        String name, QuantFormat format, long n, long k, HostTensor words, HostTensor scales, HostTensor zeros) {
    /** Beyond any row that is worth packing. */
    private static final double LARGEST_FACTOR = 2;

    private static final String WORDS = Checkpoint.PACKED_SUFFIXES.get(0);
    private static final String SCALES = Checkpoint.PACKED_SUFFIXES.get(1);
    private static final String ZEROS = Checkpoint.PACKED_SUFFIXES.get(2);

    /** @throws DataException if a tensor is missing, of another dtype or shape, or holds values that no writer of ours makes */
    static PackedTensors read(Checkpoint file, String name, QuantFormat format, Shape weight) {
        long n = weight.extent(0);
        long k = weight.extent(1);
        if (n > 1 << 30 || k > 1 << 30) {
            throw new DataException(file.path() + ": packed weight '" + name + "' is " + weight
                    + ", extents of at most 2^30 can be packed");
        }
        Shape groups = PackedWeights.groupsShape(format, Layout.ROWS, n, k);
        if (format.symmetric() && file.has(name + ZEROS)) {
            throw new DataException(file.path() + ": tensor '" + name + ZEROS + "' is there, and " + Checkpoint.QUANT
                    + " calls '" + name + "' symmetric");
        }
        PackedTensors read = new PackedTensors(
                name,
                format,
                n,
                k,
                tensor(file, name + WORDS, DType.U32, PackedWeights.wordsShape(format, Layout.ROWS, n, k)),
                tensor(file, name + SCALES, DType.F32, groups),
                format.symmetric() ? null : tensor(file, name + ZEROS, DType.F32, groups));
        read.checkValues(file.path().toString());
        return read;
    }

    private static HostTensor tensor(Checkpoint file, String name, DType dtype, Shape shape) {
        if (!file.has(name)) {
            throw new DataException(
                    file.path() + ": tensor '" + name + "' " + shape + " of a packed weight is missing");
        }
        HostTensor tensor = file.tensor(name);
        if (tensor.dtype() != dtype || !tensor.shape().equals(shape)) {
            throw new DataException(file.path() + ": tensor '" + name + "' is " + tensor.dtype() + " " + tensor.shape()
                    + ", " + Checkpoint.QUANT + " and the model expect " + dtype + " " + shape);
        }
        return tensor;
    }

    /** Every weight must be a finite fp32 number, and the bits behind a row's last code must be 0. */
    private void checkValues(String file) {
        float largest = 1 << format.bits() - 1;
        ByteBuffer steps = scales.bytes();
        ByteBuffer centres = zeros == null ? null : zeros.bytes();
        for (int i = 0; i < scales.elements(); i++) {
            float reach = Math.abs(steps.getFloat(4 * i)) * largest;
            if (!Float.isFinite(reach + (centres == null ? 0 : Math.abs(centres.getFloat(4 * i))))) {
                throw new DataException(file + ": packed weight '" + name + "': group "
                        + i % scales.shape().extent(1) + " of row "
                        + i / scales.shape().extent(1) + " reaches beyond fp32");
            }
        }
        int used = (int) (k * format.bits() % Integer.SIZE);
        if (used != 0) {
            long width = words.shape().extent(1);
            ByteBuffer codes = words.bytes();
            for (long row = 0; row < n; row++) {
                if (codes.getInt((int) (4 * ((row + 1) * width - 1))) >>> used != 0) {
                    throw new DataException(file + ": tensor '" + words.name() + "': row " + row
                            + " has bits behind its " + k + " codes, expected zeros");
                }
            }
        }
    }

    /** A packed weight and its distance from the full one. */
    record Fitted(PackedTensors packed, double squaredError) {}

    /**
     * The same codes with the steps and centres of each row scaled by {@code a = <w, w> / <w, q>}, w the full row and q the packed one.
     * Rounding with the least squared error shrinks a row (by a tenth at 2 bits), and the loss is far more sensitive to that common factor
     * than to errors of random sign, which is what Omega assumes. With a the error is orthogonal to the row.
     */
    Fitted unbiased(HostTensor weights) {
        int width = Math.toIntExact(k);
        float[] full = new float[width];
        double[] codes = new double[width];
        HostTensor newScales = HostTensor.allocate(scales.name(), DType.F32, scales.shape());
        HostTensor newZeros = zeros == null ? null : HostTensor.allocate(zeros.name(), DType.F32, zeros.shape());
        int groups = Math.toIntExact(format.groups(k));
        FloatBuffer source = weights.bytes().asFloatBuffer();
        FloatBuffer steps = scales.bytes().asFloatBuffer();
        FloatBuffer centres = zeros == null ? null : zeros.bytes().asFloatBuffer();
        FloatBuffer outSteps = newScales.bytes().asFloatBuffer();
        FloatBuffer outCentres = zeros == null ? null : newZeros.bytes().asFloatBuffer();
        double error = 0;
        for (int row = 0; row < n; row++) {
            source.get(row * width, full);
            codes(row, codes);
            double ww = 0;
            double wq = 0;
            for (int e = 0; e < width; e++) {
                int g = row * groups + e / format.group();
                double q = steps.get(g) * codes[e] + (centres == null ? 0 : centres.get(g));
                ww += (double) full[e] * full[e];
                wq += full[e] * q;
            }
            double factor = wq > 0 ? Math.max(1, Math.min(LARGEST_FACTOR, ww / wq)) : 1;
            for (int g = row * groups; g < (row + 1) * groups; g++) {
                outSteps.put(g, (float) (factor * steps.get(g)));
                if (centres != null) {
                    outCentres.put(g, (float) (factor * centres.get(g)));
                }
            }
            for (int e = 0; e < width; e++) {
                int g = row * groups + e / format.group();
                double q = outSteps.get(g) * codes[e] + (centres == null ? 0 : outCentres.get(g));
                error += (q - full[e]) * (q - full[e]);
            }
        }
        return new Fitted(new PackedTensors(name, format, n, k, words, newScales, newZeros), error);
    }

    /** Codes of a row less 2^(bits - 1). */
    private void codes(int row, double[] out) {
        ByteBuffer stream = words.bytes();
        int bits = format.bits();
        int start = row * Math.toIntExact(words.shape().extent(1));
        for (int e = 0; e < out.length; e++) {
            long bit = (long) e * bits;
            int word = start + (int) (bit / Integer.SIZE);
            int shift = (int) (bit % Integer.SIZE);
            int code = stream.getInt(4 * word) >>> shift;
            if (shift + bits > Integer.SIZE) {
                code |= stream.getInt(4 * word + 4) << Integer.SIZE - shift;
            }
            out[e] = (code & (1 << bits) - 1) - (1 << bits - 1);
        }
    }

    List<HostTensor> tensors() {
        return zeros == null ? List.of(words, scales) : List.of(words, scales, zeros);
    }

    long bytes() {
        return format.bytes(n, k);
    }

    /** In panels on the device, as the products read it: the caller closes its buffers. Waits for the stream. */
    PackedWeights upload(Device device, Stream stream) {
        PackedWeights panels =
                PackedWeights.allocate(device, MemoryCategory.WEIGHTS, name, format, Layout.PANELS, n, k);
        PackedWeights rows = null;
        try {
            rows = PackedWeights.allocate(device, MemoryCategory.WORKSPACE, name + ".rows", format, Layout.ROWS, n, k);
            rows.words().upload(stream, words.bytes());
            rows.scales().upload(stream, scales.bytes());
            if (zeros != null) {
                rows.offsets().upload(stream, zeros.bytes());
            }
            try (Step repack = Quantize.repack(rows, panels).prepare(device)) {
                repack.enqueue(stream);
                stream.synchronize();
            }
            return panels;
        } catch (RuntimeException | Error e) {
            close(panels);
            throw e;
        } finally {
            close(rows);
        }
    }

    /** What {@code packed}, in rows, holds on the device. Waits for the stream. */
    static PackedTensors download(String name, PackedWeights packed, Stream stream) {
        return new PackedTensors(
                name,
                packed.format(),
                packed.n(),
                packed.k(),
                new HostTensor(
                        name + WORDS,
                        DType.U32,
                        packed.words().shape(),
                        packed.words().download(stream)),
                new HostTensor(
                        name + SCALES,
                        DType.F32,
                        packed.scales().shape(),
                        packed.scales().download(stream)),
                packed.offsets() == null
                        ? null
                        : new HostTensor(
                                name + ZEROS,
                                DType.F32,
                                packed.offsets().shape(),
                                packed.offsets().download(stream)));
    }

    static void close(PackedWeights packed) {
        if (packed != null) {
            buffers(packed).forEach(Buffer::close);
        }
    }

    private static List<Buffer> buffers(PackedWeights packed) {
        List<Buffer> buffers =
                new ArrayList<>(List.of(packed.words().buffer(), packed.scales().buffer()));
        if (packed.offsets() != null) {
            buffers.add(packed.offsets().buffer());
        }
        return buffers;
    }
}
