package dev.sagitta.program.compile;

import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Wire;
import java.util.List;

/**
 * One value that is kept from the forward pass, however many ops keep it.
 *
 * @param name of the wire that gives it; of a value of an op's own, the node's with what it is
 * @param wire that gives it; null for a value of an op's own
 * @param source where it comes from
 * @param readers nodes that read it later, in the order of the network
 * @param linear whether all of them are linear in it
 * @param exact whether one of them, or its kind, forbids compression
 * @param free whether it is memory that stays anyway, as the network's inputs do: it costs nothing
 * @param packedAfter index of the last node whose forward pass reads it
 * @param runs readers in the order of the backward pass, cut where they are so far apart that unpacking again costs less than memory
 * @param freedAfter index of the node whose backward pass reads it last
 */
public record KeptValue(
        String name,
        Wire wire,
        Keep.Source source,
        List<Node> readers,
        boolean linear,
        boolean exact,
        boolean free,
        int packedAfter,
        List<List<Node>> runs,
        int freedAfter) {

    /** Whether a policy has a say in how it is stored. */
    public boolean isCompressible() {
        return !exact && !free;
    }
}
