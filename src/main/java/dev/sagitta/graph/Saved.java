package dev.sagitta.graph;

/** What an op needs of the forward pass in the passes after it. How it is kept is the policy's business. */
public enum Saved {
    NOTHING,
    /** The value of input 0. */
    INPUT,
    /** One bit per element of input 0: whether it is positive. The op's forward writes it. */
    SIGN_MASK
}
