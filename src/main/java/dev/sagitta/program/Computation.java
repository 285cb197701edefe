package dev.sagitta.program;

/** What a compiled program can compute. P is the number of parameters, K of probes. */
public enum Computation {
    /** The network's output. */
    PREDICT(false, false),
    /** Loss and metrics of the batch. */
    EVALUATE(false, false),
    /** Loss and gradient [P]. */
    GRADIENT(true, false),
    /** The same, and on the way what a policy of saved activations measures: some steps of a training suffice for it. */
    MEASURED_GRADIENT(true, false),
    /** K products H v with the Hessian of the loss, [K, P]. */
    HESSIAN_VECTOR(true, true),
    /** K products G v with the Gauss-Newton matrix J' H_loss J, [K, P]. */
    GAUSS_NEWTON_VECTOR(true, true),
    /**
     * K numbers v' H v by the shared cotangent: one backward pass serves all probes. Tangents are computed after it, from what was kept: with
     * compressed activations they carry its noise, which enters as a square.
     */
    HESSIAN_QUADRATIC(true, true),
    /** K numbers v' G v: no backward pass at all. */
    GAUSS_NEWTON_QUADRATIC(false, true);

    private final boolean backward;
    private final boolean probes;

    Computation(boolean backward, boolean probes) {
        this.backward = backward;
        this.probes = probes;
    }

    /** Whether gradients of parameters are its result, as in a training step. */
    public boolean isGradient() {
        return this == GRADIENT || this == MEASURED_GRADIENT;
    }

    /** Whether activations are kept for a pass after the forward one. */
    public boolean keepsActivations() {
        return backward;
    }

    /** Whether the computation reads the probe vectors. */
    public boolean usesProbes() {
        return probes;
    }
}
