package dev.sagitta.graph.rewrite;

import dev.sagitta.graph.Node;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.Wire;
import java.util.List;

/**
 * Replaces two nodes of a graph by one op that computes the same: a fusion. Rewrites run after a graph is built and before anything is decided about what is kept;
 * the compiler sees ops alone. Names of surviving wires, parameters and random streams never change, so checkpoints, policies and masks stay valid.
 */
public interface Rewrite {
    String name();

    /**
     * Looks at a node as the last one of the pattern.
     *
     * @return {@link #ABSENT} where the pattern is not there
     */
    Match match(Node last, Uses uses, Target target);

    /** What came of it. */
    sealed interface Match {}

    /**
     * The op takes the place of the last node; {@code first} goes.
     *
     * @param first the node before, whose one output nobody else reads, unless the op gives it
     * @param inputs what the op reads: of what the two read
     * @param both whether the op gives the outputs of {@code first} and then those of the last node, which reads nothing else: it stands where {@code first} stood
     */
    record Taken(Node first, Op op, List<Wire> inputs, boolean both) implements Match {
        public Taken(Node first, Op op, List<Wire> inputs) {
            this(first, op, inputs, false);
        }

        /** The same where the op reads what {@code first} reads. */
        public Taken(Node first, Op op) {
            this(first, op, first.inputs());
        }

        /** Both nodes in one place, with the outputs of both. */
        static Taken both(Node first, Op op) {
            return new Taken(first, op, first.inputs(), true);
        }
    }

    /** The pattern is there and stays. */
    record Refused(String reason) implements Match {}

    /** The pattern is not there. */
    record Absent() implements Match {}

    Match ABSENT = new Absent();
}
