package dev.sagitta.kernel;

/** Elementwise functions that kernels know, with first and second derivatives in {@code kernels/lib/functions.h}. */
public enum Function {
    RELU("relu", "y = max(x, 0)"),
    GELU("gelu", "y = x Phi(x), by erf"),
    GELU_TANH("gelu_tanh", "GELU by tanh"),
    SILU("silu", "y = x / (1 + exp(-x))"),
    TANH("tanh", "y = tanh x"),
    SIGMOID("sigmoid", "y = 1 / (1 + exp(-x))"),
    HARDSWISH("hardswish", "y = x min(max(x + 3, 0), 6) / 6"),
    HARDSIGMOID("hardsigmoid", "y = min(max(x + 3, 0), 6) / 6"),
    LEAKY_RELU("leaky_relu", "y = x, 0.01 x where x < 0"),
    ELU("elu", "y = x, exp(x) - 1 where x <= 0"),
    SOFTPLUS("softplus", "y = log(1 + exp(x))"),
    MISH("mish", "y = x tanh(log(1 + exp(x)))"),
    RELU6("relu6", "y = min(max(x, 0), 6)");

    private final String symbol;
    private final String says;

    Function(String symbol, String says) {
        this.symbol = symbol;
        this.says = says;
    }

    /** What it computes, for documents. */
    public String says() {
        return says;
    }

    /** Name in kernels and in the model's JSON. */
    public String symbol() {
        return symbol;
    }
}
