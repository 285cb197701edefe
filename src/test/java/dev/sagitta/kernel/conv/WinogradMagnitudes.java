package dev.sagitta.kernel.conv;

import dev.sagitta.kernel.conv.Conv.Problem;

/** What errors of {@link Winograd} are relative to: the sums of the absolute terms that it adds up, its transforms with absolute entries. Of one copy. */
final class WinogradMagnitudes {
    private static final double[][] INPUT = {{1, 0, 1, 0}, {0, 1, 1, 0}, {0, 1, 1, 0}, {0, 1, 0, 1}};
    private static final double[][] WEIGHT = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, {0, 0, 1}};
    private static final double[][] OUTPUT = {{1, 1, 1, 0}, {0, 1, 1, 1}};

    private WinogradMagnitudes() {}

    /** An element of an image, 0 beyond it. */
    private interface Pixels {
        double at(int n, int h, int w, int c);
    }

    private static Pixels pixels(float[] values, int from, long height, long width, long channels) {
        return (n, h, w, c) -> h < 0 || h >= height || w < 0 || w >= width
                ? 0
                : Math.abs(values[from + (int) (((n * height + h) * width + w) * channels) + c]);
    }

    /** left x right', left [rows, n], x [n, m], right [columns, m]. */
    private static double[][] both(double[][] left, double[][] x, double[][] right) {
        double[][] out = new double[left.length][right.length];
        for (int i = 0; i < left.length; i++) {
            for (int j = 0; j < right.length; j++) {
                for (int a = 0; a < x.length; a++) {
                    for (int b = 0; b < x[0].length; b++) {
                        out[i][j] += left[i][a] * x[a][b] * right[j][b];
                    }
                }
            }
        }
        return out;
    }

    private static double[][] turned(double[][] m) {
        double[][] t = new double[m[0].length][m.length];
        for (int i = 0; i < m.length; i++) {
            for (int j = 0; j < m[0].length; j++) {
                t[j][i] = m[i][j];
            }
        }
        return t;
    }

    private static double[][] patch(Pixels x, int n, int h, int w, int c, int side) {
        double[][] d = new double[side][side];
        for (int i = 0; i < side * side; i++) {
            d[i / side][i % side] = x.at(n, h + i / side, w + i % side, c);
        }
        return d;
    }

    private static void into(
            double[] sums, int at, double[][] tile, long h, long w, long height, long width, long step) {
        for (int i = 0; i < tile.length; i++) {
            for (int j = 0; j < tile[0].length; j++) {
                if (h + i < height && w + j < width) {
                    sums[at + (int) ((i * width + j) * step)] += tile[i][j];
                }
            }
        }
    }

    /** Of y, or with {@code back} of dx from dy. */
    static double[] of(Problem p, float[] image, int fromImage, float[] weight, int fromWeight, boolean back) {
        long height = back ? p.outputHeight() : p.height();
        long width = back ? p.outputWidth() : p.width();
        int depth = (int) (back ? p.outputs() : p.channels());
        int results = (int) (back ? p.channels() : p.outputs());
        long outHeight = back ? p.height() : p.outputHeight();
        long outWidth = back ? p.width() : p.outputWidth();
        int padHeight = back ? 2 - p.window().paddingHeight() : p.window().paddingHeight();
        int padWidth = back ? 2 - p.window().paddingWidth() : p.window().paddingWidth();
        Pixels x = pixels(image, fromImage, height, width, depth);
        double[] sums = new double[(int) (p.batch() * outHeight * outWidth * results)];
        double[][][][] u = new double[results][depth][][];
        for (int r = 0; r < results; r++) {
            for (int d = 0; d < depth; d++) {
                double[][] g = new double[3][3];
                for (int k = 0; k < 9; k++) {
                    int window = (int) ((back ? d : r) * p.channels()) + (back ? r : d);
                    g[k / 3][k % 3] = Math.abs(weight[fromWeight + window * 9 + (back ? 8 - k : k)]);
                }
                u[r][d] = both(WEIGHT, g, WEIGHT);
            }
        }
        for (int n = 0; n < p.batch(); n++) {
            for (int h = 0; h < outHeight; h += 2) {
                for (int w = 0; w < outWidth; w += 2) {
                    double[][][] m = new double[results][4][4];
                    for (int d = 0; d < depth; d++) {
                        double[][] v = both(INPUT, patch(x, n, h - padHeight, w - padWidth, d, 4), INPUT);
                        for (int r = 0; r < results; r++) {
                            for (int i = 0; i < 16; i++) {
                                m[r][i / 4][i % 4] += v[i / 4][i % 4] * u[r][d][i / 4][i % 4];
                            }
                        }
                    }
                    for (int r = 0; r < results; r++) {
                        int at = (int) (((n * outHeight + h) * outWidth + w) * results) + r;
                        into(sums, at, both(OUTPUT, m[r], OUTPUT), h, w, outHeight, outWidth, results);
                    }
                }
            }
        }
        return sums;
    }

    /** Of dw. */
    static double[] ofWeight(Problem p, float[] image, int fromImage, float[] cotangent, int fromCotangent) {
        int channels = (int) p.channels();
        int outputs = (int) p.outputs();
        Pixels x = pixels(image, fromImage, p.height(), p.width(), channels);
        Pixels dy = pixels(cotangent, fromCotangent, p.outputHeight(), p.outputWidth(), outputs);
        double[][][][] sums = new double[outputs][channels][4][4];
        for (int n = 0; n < p.batch(); n++) {
            for (int h = 0; h < p.outputHeight(); h += 2) {
                for (int w = 0; w < p.outputWidth(); w += 2) {
                    double[][][] v = new double[channels][][];
                    for (int c = 0; c < channels; c++) {
                        int top = h - p.window().paddingHeight();
                        v[c] = both(INPUT, patch(x, n, top, w - p.window().paddingWidth(), c, 4), INPUT);
                    }
                    for (int o = 0; o < outputs; o++) {
                        double[][] m = both(turned(OUTPUT), patch(dy, n, h, w, o, 2), turned(OUTPUT));
                        for (int c = 0; c < channels; c++) {
                            for (int i = 0; i < 16; i++) {
                                sums[o][c][i / 4][i % 4] += v[c][i / 4][i % 4] * m[i / 4][i % 4];
                            }
                        }
                    }
                }
            }
        }
        double[] out = new double[outputs * channels * 9];
        for (int i = 0; i < outputs * channels; i++) {
            double[][] g = both(turned(WEIGHT), sums[i / channels][i % channels], turned(WEIGHT));
            for (int k = 0; k < 9; k++) {
                out[i * 9 + k] = g[k / 3][k % 3];
            }
        }
        return out;
    }
}
