package dev.sagitta.io.huggingface;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/**
 * Convolutional networks in float64: each array with its tangent, its cotangent and that one's tangent, so that a gradient and a Hessian product follow from one
 * way there and back. Functions with kinks stand on the piece that a value is on, or on the one next to it where that is asked for.
 */
final class ExactImages {
    /** [examples, channels, height, width]; v values, t their tangents, c cotangents, ct the tangents of those. */
    record Array(int n, int channels, int height, int width, double[] v, double[] t, double[] c, double[] ct) {
        static Array of(int n, int channels, int height, int width) {
            int size = n * channels * height * width;
            return new Array(
                    n, channels, height, width, new double[size], new double[size], new double[size], new double[size]);
        }

        int pixels() {
            return height * width;
        }
    }

    /**
     * A value close to a kink.
     *
     * @param distance from it
     * @param step to the number of the piece on its other side
     */
    record Near(double distance, String where, int index, int step) {}

    /** A function of pieces, numbered from the left. */
    enum Pieces {
        RELU(0) {
            @Override
            double[] at(int piece, double x) {
                return piece == 0 ? new double[3] : new double[] {x, 1, 0};
            }
        },
        HARDSWISH(-3, 3) {
            @Override
            double[] at(int piece, double x) {
                return piece == 1 ? new double[] {x * (x + 3) / 6, (2 * x + 3) / 6, 1 / 3.0} : RELU.at(piece / 2, x);
            }
        },
        CLIPPED(0, 1) {
            @Override
            double[] at(int piece, double x) {
                return piece == 1 ? new double[] {x, 1, 0} : new double[] {piece / 2, 0, 0};
            }
        };

        private final double[] kinks;

        Pieces(double... kinks) {
            this.kinks = kinks;
        }

        /** Value and two derivatives. */
        abstract double[] at(int piece, double x);
    }

    private final Deque<Runnable> back = new ArrayDeque<>();
    private final Map<String, Map<Integer, Integer>> moved;
    private final double within;
    private final List<Near> near = new ArrayList<>();

    /**
     * @param moved by function and index, the step to another piece than the value's
     * @param within values so close to a kink are told
     */
    ExactImages(Map<String, Map<Integer, Integer>> moved, double within) {
        this.moved = moved;
        this.within = within;
    }

    List<Near> near() {
        return near;
    }

    /** Once: each step lets go of its arrays. */
    void goBack() {
        while (!back.isEmpty()) {
            back.removeLast().run();
        }
    }

    Array pieces(String where, Pieces function, Array x) {
        Array y = Array.of(x.n, x.channels, x.height, x.width);
        Map<Integer, Integer> steps = moved.getOrDefault(where, Map.of());
        byte[] pieces = new byte[y.v.length];
        for (int i = 0; i < y.v.length; i++) {
            int piece = 0;
            for (int k = 0; k < function.kinks.length; k++) {
                double beyond = x.v[i] - function.kinks[k];
                piece += beyond > 0 ? 1 : 0;
                if (Math.abs(beyond) < within) {
                    near.add(new Near(Math.abs(beyond), where, i, beyond > 0 ? -1 : 1));
                }
            }
            pieces[i] = (byte) (piece + steps.getOrDefault(i, 0));
            double[] f = function.at(pieces[i], x.v[i]);
            y.v[i] = f[0];
            y.t[i] = f[1] * x.t[i];
        }
        back.add(() -> {
            for (int i = 0; i < y.v.length; i++) {
                double[] f = function.at(pieces[i], x.v[i]);
                x.c[i] += f[1] * y.c[i];
                x.ct[i] += f[1] * y.ct[i] + f[2] * x.t[i] * y.c[i];
            }
        });
        return y;
    }

    /** By the batch's mean and biased variance. */
    Array batchNorm(Array x, Array weight, Array bias) {
        Array y = Array.of(x.n, x.channels, x.height, x.width);
        Array unit = new Array(
                x.n, x.channels, x.height, x.width, new double[x.v.length], new double[x.v.length], null, null);
        double[] rates = new double[x.channels];
        double[] rateTangents = new double[x.channels];
        for (int channel = 0; channel < x.channels; channel++) {
            int[] at = indices(x, channel);
            double mean = 0;
            double meanTangent = 0;
            for (int i : at) {
                mean += x.v[i] / at.length;
                meanTangent += x.t[i] / at.length;
            }
            double variance = 0;
            double varianceTangent = 0;
            for (int i : at) {
                variance += (x.v[i] - mean) * (x.v[i] - mean) / at.length;
                varianceTangent += 2 * (x.v[i] - mean) * (x.t[i] - meanTangent) / at.length;
            }
            double rate = 1 / Math.sqrt(variance + 1e-5);
            double rateTangent = -rate * rate * rate * varianceTangent / 2;
            rates[channel] = rate;
            rateTangents[channel] = rateTangent;
            for (int i : at) {
                unit.v[i] = (x.v[i] - mean) * rate;
                unit.t[i] = (x.t[i] - meanTangent) * rate + (x.v[i] - mean) * rateTangent;
                y.v[i] = weight.v[channel] * unit.v[i] + bias.v[channel];
                y.t[i] = weight.t[channel] * unit.v[i] + weight.v[channel] * unit.t[i] + bias.t[channel];
            }
        }
        back.add(() -> {
            for (int channel = 0; channel < x.channels; channel++) {
                normBack(x, y, unit, weight, bias, channel, rates[channel], rateTangents[channel]);
            }
        });
        return y;
    }

    private static int[] indices(Array x, int channel) {
        int[] at = new int[x.n * x.pixels()];
        for (int i = 0; i < at.length; i++) {
            at[i] = (i / x.pixels() * x.channels + channel) * x.pixels() + i % x.pixels();
        }
        return at;
    }

    private static void normBack(
            Array x, Array y, Array unit, Array weight, Array bias, int channel, double rate, double rateTangent) {
        int[] at = indices(x, channel);
        double w = weight.v[channel];
        double wt = weight.t[channel];
        double sum = 0;
        double sumTangent = 0;
        double dot = 0;
        double dotTangent = 0;
        for (int i : at) {
            sum += y.c[i];
            sumTangent += y.ct[i];
            dot += y.c[i] * unit.v[i];
            dotTangent += y.ct[i] * unit.v[i] + y.c[i] * unit.t[i];
        }
        weight.c[channel] += dot;
        weight.ct[channel] += dotTangent;
        bias.c[channel] += sum;
        bias.ct[channel] += sumTangent;
        int n = at.length;
        for (int i : at) {
            double inner = w * (y.c[i] - sum / n - unit.v[i] * dot / n);
            double innerTangent = wt * (y.c[i] - sum / n - unit.v[i] * dot / n)
                    + w * (y.ct[i] - sumTangent / n - unit.t[i] * dot / n - unit.v[i] * dotTangent / n);
            x.c[i] += rate * inner;
            x.ct[i] += rate * innerTangent + rateTangent * inner;
        }
    }

    /** Padding that keeps odd windows centred; the weight is [out, in / groups, height, width], the bias may be null. */
    Array convolution(Array x, Array weight, Array bias, int strideY, int strideX) {
        int height = (x.height + 2 * (weight.height / 2) - weight.height) / strideY + 1;
        int width = (x.width + 2 * (weight.width / 2) - weight.width) / strideX + 1;
        Array y = Array.of(x.n, weight.n, height, width);
        Windows windows = new Windows(x, y, weight, strideY, strideX);
        windows.forward(x.v, weight.v, y.v);
        windows.forward(x.t, weight.v, y.t);
        windows.forward(x.v, weight.t, y.t);
        if (bias != null) {
            for (int i = 0; i < y.v.length; i++) {
                y.v[i] += bias.v[i / y.pixels() % y.channels];
                y.t[i] += bias.t[i / y.pixels() % y.channels];
            }
        }
        back.add(() -> {
            windows.toInput(y.c, weight.v, x.c);
            windows.toInput(y.ct, weight.v, x.ct);
            windows.toInput(y.c, weight.t, x.ct);
            windows.toWeight(y.c, x.v, weight.c);
            windows.toWeight(y.ct, x.v, weight.ct);
            windows.toWeight(y.c, x.t, weight.ct);
            for (int i = 0; i < y.v.length && bias != null; i++) {
                bias.c[i / y.pixels() % y.channels] += y.c[i];
                bias.ct[i / y.pixels() % y.channels] += y.ct[i];
            }
        });
        return y;
    }

    /** The three products of a convolution, row of pixels by row. */
    private record Windows(Array x, Array y, Array weight, int strideY, int strideX) {
        private interface Row {
            void of(int input, int output, int weight, int count);
        }

        void forward(double[] in, double[] w, double[] out) {
            rows((i, o, k, count) -> {
                for (int p = 0; p < count; p++) {
                    out[o + p] += w[k] * in[i + p * strideX];
                }
            });
        }

        void toInput(double[] out, double[] w, double[] in) {
            rows((i, o, k, count) -> {
                for (int p = 0; p < count; p++) {
                    in[i + p * strideX] += w[k] * out[o + p];
                }
            });
        }

        void toWeight(double[] out, double[] in, double[] w) {
            rows((i, o, k, count) -> {
                double sum = 0;
                for (int p = 0; p < count; p++) {
                    sum += out[o + p] * in[i + p * strideX];
                }
                w[k] += sum;
            });
        }

        private void rows(Row row) {
            int perGroup = weight.channels;
            int outPerGroup = weight.n / (x.channels / perGroup);
            for (int outer = 0; outer < x.n * y.channels * perGroup; outer++) {
                int example = outer / (y.channels * perGroup);
                int out = outer / perGroup % y.channels;
                int in = out / outPerGroup * perGroup + outer % perGroup;
                for (int k = 0; k < weight.pixels(); k++) {
                    int shift = k % weight.width - weight.width / 2;
                    int first = Math.max(0, (-shift + strideX - 1) / strideX);
                    int last = Math.min(y.width - 1, Math.floorDiv(x.width - 1 - shift, strideX));
                    for (int line = 0; line < y.height; line++) {
                        int source = line * strideY + k / weight.width - weight.height / 2;
                        if (source >= 0 && source < x.height && last >= first) {
                            row.of(
                                    ((example * x.channels + in) * x.height + source) * x.width
                                            + first * strideX
                                            + shift,
                                    ((example * y.channels + out) * y.height + line) * y.width + first,
                                    (out * perGroup + outer % perGroup) * weight.pixels() + k,
                                    last - first + 1);
                        }
                    }
                }
            }
        }
    }

    /** Each channel's mean, of all pixels or of the largest in squares of 2 x 2. */
    Array means(Array x, boolean ofMaxima) {
        Array y = Array.of(x.n, x.channels, 1, 1);
        int step = ofMaxima ? 2 : 1;
        int height = x.height / step;
        int width = x.width / step;
        int[] from = new int[x.n * x.channels * height * width];
        for (int i = 0; i < from.length; i++) {
            int corner = i / (height * width) * x.pixels() + i / width % height * step * x.width + i % width * step;
            from[i] = corner;
            for (int other : ofMaxima ? new int[] {corner + 1, corner + x.width, corner + x.width + 1} : new int[0]) {
                from[i] = x.v[other] > x.v[from[i]] ? other : from[i];
            }
            y.v[i / (height * width)] += x.v[from[i]] / (height * width);
            y.t[i / (height * width)] += x.t[from[i]] / (height * width);
        }
        back.add(() -> {
            for (int i = 0; i < from.length; i++) {
                x.c[from[i]] += y.c[i / (height * width)] / (height * width);
                x.ct[from[i]] += y.ct[i / (height * width)] / (height * width);
            }
        });
        return y;
    }

    /** a x + b. */
    Array affine(Array x, double a, double b) {
        Array y = Array.of(x.n, x.channels, x.height, x.width);
        for (int i = 0; i < y.v.length; i++) {
            y.v[i] = a * x.v[i] + b;
            y.t[i] = a * x.t[i];
        }
        back.add(() -> {
            for (int i = 0; i < y.v.length; i++) {
                x.c[i] += a * y.c[i];
                x.ct[i] += a * y.ct[i];
            }
        });
        return y;
    }

    /** Channels times gates. */
    Array scaled(Array x, Array gates) {
        Array y = Array.of(x.n, x.channels, x.height, x.width);
        int pixels = x.pixels();
        for (int i = 0; i < y.v.length; i++) {
            y.v[i] = x.v[i] * gates.v[i / pixels];
            y.t[i] = x.t[i] * gates.v[i / pixels] + x.v[i] * gates.t[i / pixels];
        }
        back.add(() -> {
            for (int i = 0; i < y.v.length; i++) {
                int gate = i / pixels;
                x.c[i] += y.c[i] * gates.v[gate];
                x.ct[i] += y.ct[i] * gates.v[gate] + y.c[i] * gates.t[gate];
                gates.c[gate] += y.c[i] * x.v[i];
                gates.ct[gate] += y.ct[i] * x.v[i] + y.c[i] * x.t[i];
            }
        });
        return y;
    }

    Array sum(Array a, Array b) {
        Array y = Array.of(a.n, a.channels, a.height, a.width);
        for (int i = 0; i < y.v.length; i++) {
            y.v[i] = a.v[i] + b.v[i];
            y.t[i] = a.t[i] + b.t[i];
        }
        back.add(() -> {
            for (int i = 0; i < y.v.length; i++) {
                a.c[i] += y.c[i];
                a.ct[i] += y.ct[i];
                b.c[i] += y.c[i];
                b.ct[i] += y.ct[i];
            }
        });
        return y;
    }

    /** Mean cross-entropy, from which the way back begins. */
    double crossEntropy(Array logits, int[] labels) {
        double loss = 0;
        int classes = logits.channels;
        for (int row = 0; row < logits.n; row++) {
            double sum = 0;
            double sumTangent = 0;
            for (int i = row * classes; i < (row + 1) * classes; i++) {
                sum += Math.exp(logits.v[i]);
                sumTangent += Math.exp(logits.v[i]) * logits.t[i];
            }
            for (int i = row * classes; i < (row + 1) * classes; i++) {
                double p = Math.exp(logits.v[i]) / sum;
                logits.c[i] = (p - (i % classes == labels[row] ? 1 : 0)) / logits.n;
                logits.ct[i] = p * (logits.t[i] - sumTangent / sum) / logits.n;
            }
            loss += (Math.log(sum) - logits.v[row * classes + labels[row]]) / logits.n;
        }
        return loss;
    }
}
