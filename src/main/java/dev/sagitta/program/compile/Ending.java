package dev.sagitta.program.compile;

import dev.sagitta.graph.pass.Value;

/**
 * What follows the last node of a graph, behind its forward pass: the loss, and what computes its derivatives. Cotangents go to the graph's output; the loss
 * goes where the program has it.
 */
interface Ending {
    /** Emits the loss and the cotangent of the output. */
    void gradient();

    /** The same, and the tangents of the cotangent. */
    void hessianVector();

    /** Those that are left where the network is linear: H_loss times the tangents of the output. */
    void gaussNewtonVector();

    /**
     * Emits what the ending adds to v'Hv or v'Gv.
     *
     * @param cotangents whether a pass before it computed them: without, the network counts as linear
     */
    Value quadratic(boolean cotangents);

    /** Sum of losses, number of counted examples and of correct ones. */
    void metrics();
}
