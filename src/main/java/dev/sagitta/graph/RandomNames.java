package dev.sagitta.graph;

import dev.sagitta.random.RandomStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Numbers of random streams, from the names of what draws: a layer that is put in or taken away changes no other layer's numbers. A stream is the low
 * 31 bits of the key of {@code USE/NAME}.
 */
public final class RandomNames {
    /** What a name draws for. */
    public enum Use {
        /** The op itself: a dropout mask. */
        OP("op/"),
        /** Rounding of a kept value. */
        KEPT("kept/"),
        /** Rounding of a kept value's tangents. */
        KEPT_TANGENT("kept tangent/");

        private final String prefix;

        Use(String prefix) {
            this.prefix = prefix;
        }
    }

    private RandomNames() {}

    public static int stream(Use use, String name) {
        return (int) RandomStream.key(0, use.prefix + name) & Integer.MAX_VALUE;
    }

    /** @throws IllegalArgumentException if two names of a graph would draw the same numbers: about once in 200,000 graphs of fifty layers */
    static void requireDistinct(List<Node> nodes) {
        Map<Integer, String> owners = new HashMap<>();
        for (Node node : nodes) {
            claim(owners, Use.OP, node.name());
            for (int i = 0; i < node.outputs().size(); i++) {
                claim(owners, Use.KEPT, node.out(i).name());
                claim(owners, Use.KEPT_TANGENT, node.out(i).name());
            }
        }
    }

    private static void claim(Map<Integer, String> owners, Use use, String name) {
        String other = owners.putIfAbsent(stream(use, name), name);
        if (other != null) {
            throw new IllegalArgumentException(
                    "layers '" + other + "' and '" + name + "' have names of the same random stream; rename one");
        }
    }
}
