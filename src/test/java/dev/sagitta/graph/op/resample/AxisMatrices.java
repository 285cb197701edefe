package dev.sagitta.graph.op.resample;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.tensor.Shape;

/** Y = A X B' of each channel of images, channels last, A and B dense. */
final class AxisMatrices {
    private AxisMatrices() {}

    /** Entry [output, input] of an axis's matrix. */
    interface Entry {
        double of(int output, int input);
    }

    static double[][] matrix(int outputs, int inputs, Entry entry) {
        double[][] a = new double[outputs][inputs];
        for (int o = 0; o < outputs; o++) {
            for (int i = 0; i < inputs; i++) {
                a[o][i] = entry.of(o, i);
            }
        }
        return a;
    }

    /** The extent of axis 0 (height, 1 of signals) or 1 (width) of the op's input. */
    static int extent(OpReference.At at, int axis) {
        Shape x = at.inputs().get(0).shape();
        return axis == 1 ? (int) x.extent(-2) : x.rank() == 2 ? 1 : (int) x.extent(0);
    }

    static Jet[] apply(OpReference.At at, Jet[] x, double[][] rows, double[][] columns, double fill) {
        int height = rows[0].length;
        int width = columns[0].length;
        int channels = (int) at.inputs().get(0).shape().extent(-1);
        Jet[] y = new Jet[at.batch() * rows.length * columns.length * channels];
        for (int i = 0; i < y.length; i++) {
            int c = i % channels;
            double[] across = columns[i / channels % columns.length];
            double[] down = rows[i / channels / columns.length % rows.length];
            int image = i / channels / columns.length / rows.length;
            Jet sum = Jet.of(0);
            boolean none = true;
            for (int h = 0; h < height; h++) {
                for (int w = 0; w < width; w++) {
                    if (down[h] != 0 && across[w] != 0) {
                        none = false;
                        sum = x[((image * height + h) * width + w) * channels + c]
                                .times(down[h] * across[w])
                                .plus(sum);
                    }
                }
            }
            y[i] = none ? Jet.of(fill) : sum;
        }
        return y;
    }
}
