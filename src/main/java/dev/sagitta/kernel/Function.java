package dev.sagitta.kernel;

/** Elementwise functions that kernels know, with first and second derivatives in {@code kernels/lib/functions.h}. */
public enum Function {
    RELU("relu"),
    GELU("gelu"),
    GELU_TANH("gelu_tanh"),
    SILU("silu"),
    TANH("tanh"),
    SIGMOID("sigmoid");

    private final String symbol;

    Function(String symbol) {
        this.symbol = symbol;
    }

    /** Name in kernels and in the model's JSON. */
    public String symbol() {
        return symbol;
    }
}
