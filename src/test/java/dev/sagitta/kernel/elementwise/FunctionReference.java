package dev.sagitta.kernel.elementwise;

import dev.sagitta.kernel.Function;

/** {@link Function} and its derivatives in fp64, from their definitions. */
public final class FunctionReference {
    private static final double A = Math.sqrt(2 / Math.PI);
    private static final double B = 0.044715;

    private FunctionReference() {}

    public static double value(Function function, double x) {
        return switch (function) {
            case RELU -> x < 0 ? 0 : x;
            case GELU -> x == Double.NEGATIVE_INFINITY ? 0 : x * normal(x);
            case GELU_TANH -> x == Double.NEGATIVE_INFINITY ? 0 : x * sigma(2 * A * (x + B * x * x * x));
            case SILU -> x == Double.NEGATIVE_INFINITY ? 0 : x * sigma(x);
            case TANH -> Math.tanh(x);
            case SIGMOID -> sigma(x);
        };
    }

    public static double first(Function function, double x) {
        if (Double.isInfinite(x)) {
            boolean one = x > 0 && function != Function.TANH && function != Function.SIGMOID;
            return one ? 1 : 0;
        }
        return switch (function) {
            case RELU -> Double.isNaN(x) ? x : x > 0 ? 1 : 0;
            case GELU -> normal(x) + x * density(x);
            case GELU_TANH -> {
                double u = 2 * A * (x + B * x * x * x);
                yield sigma(u) + x * slope(u) * 2 * A * (1 + 3 * B * x * x);
            }
            case SILU -> sigma(x) + x * slope(x);
            case TANH -> 4 * slope(2 * x);
            case SIGMOID -> slope(x);
        };
    }

    public static double second(Function function, double x) {
        if (Double.isInfinite(x)) {
            return 0;
        }
        return switch (function) {
            case RELU -> Double.isNaN(x) ? x : 0;
            case GELU -> (2 - x * x) * density(x);
            case GELU_TANH -> {
                double u = 2 * A * (x + B * x * x * x);
                double u1 = 2 * A * (1 + 3 * B * x * x);
                yield 2 * slope(u) * u1 + x * (bend(u) * u1 * u1 + slope(u) * 12 * A * B * x);
            }
            case SILU -> 2 * slope(x) + x * bend(x);
            case TANH -> -2 * Math.tanh(x) * 4 * slope(2 * x);
            case SIGMOID -> bend(x);
        };
    }

    private static double sigma(double x) {
        return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
    }

    private static double slope(double x) {
        return sigma(x) * sigma(-x);
    }

    private static double bend(double x) {
        return slope(x) * Math.tanh(-x / 2);
    }

    private static double density(double x) {
        return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    }

    /** The normal distribution function: a Taylor series near 0, else Laplace's continued fraction for the tail. */
    static double normal(double x) {
        if (Double.isNaN(x)) {
            return x;
        }
        double a = Math.abs(x);
        if (a < 3) {
            double term = x;
            double sum = x;
            for (int i = 3; Math.abs(term) > 1e-18 * Math.abs(sum); i += 2) {
                term *= x * x / i;
                sum += term;
            }
            return 0.5 + sum * density(x);
        }
        double tail = 0;
        for (int i = 200; i > 0; i--) {
            tail = i / (a + tail);
        }
        tail = density(a) / (a + tail);
        return x < 0 ? tail : 1 - tail;
    }
}
