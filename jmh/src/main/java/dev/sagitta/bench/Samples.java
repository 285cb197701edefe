package dev.sagitta.bench;

import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.Tensor;
import java.util.function.LongToDoubleFunction;

/** Compares results with fp64: large ones in windows at the start, at the end and in between. */
final class Samples {
    /** Every start is a multiple of all group sizes here. */
    private static final int WINDOW = 4096;

    private static final int WINDOWS = 9;

    private Samples() {}

    /** Called with the first element and the length of each window. */
    interface Window {
        void check(long first, int count);
    }

    static void windows(long n, Window window) {
        if (n <= (long) WINDOW * WINDOWS) {
            window.check(0, (int) n);
            return;
        }
        for (int i = 0; i < WINDOWS; i++) {
            long first = (n - WINDOW) / (WINDOWS - 1) * i / WINDOW * WINDOW;
            window.check(first, WINDOW);
        }
        long last = (n - 1) / WINDOW * WINDOW;
        window.check(last, (int) (n - last));
    }

    /** Elements of y against a function of the elements of inputs at the same places. */
    static Runnable elementwise(
            BenchDevice bench, Tolerance tolerance, Tensor y, Elementwise reference, Tensor... inputs) {
        return () -> windows(y.elements(), (first, count) -> {
            float[] actual = bench.floats(y, first, count);
            float[][] values = new float[inputs.length][];
            for (int t = 0; t < inputs.length; t++) {
                values[t] = bench.floats(inputs[t], first, count);
            }
            double[] element = new double[inputs.length];
            for (int i = 0; i < count; i++) {
                for (int t = 0; t < inputs.length; t++) {
                    element[t] = values[t][i];
                }
                double expected = reference.at(element);
                near(y, first + i, actual[i], expected, reference.magnitude(element, expected), tolerance);
            }
        });
    }

    /** f of the inputs' values at one place. */
    interface Elementwise {
        double at(double[] x);

        /** Of the terms that were summed. */
        default double magnitude(double[] x, double value) {
            return 1 + Math.abs(value);
        }
    }

    static void near(Tensor tensor, long at, double actual, double expected, double magnitude, Tolerance tolerance) {
        double error = Math.abs(actual - expected);
        // written so that NaN fails
        if (!(error <= tolerance.relative() * Math.abs(magnitude) + tolerance.absolute())) {
            throw new IllegalStateException(
                    tensor + "[" + at + "] is " + actual + ", reference " + expected + ": a wrong kernel is not timed");
        }
    }

    static void same(Tensor tensor, long at, long actual, long expected) {
        if (actual != expected) {
            throw new IllegalStateException(
                    tensor + "[" + at + "] is " + actual + ", reference " + expected + ": a wrong kernel is not timed");
        }
    }

    /** Sum of f over [0, n). */
    static double sum(long n, LongToDoubleFunction f) {
        double sum = 0;
        for (long i = 0; i < n; i++) {
            sum += f.applyAsDouble(i);
        }
        return sum;
    }
}
