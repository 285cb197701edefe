package dev.sagitta.io.model;

import dev.sagitta.kernel.Function;

/** One entry of a model's {@code layers}. A layer reads the output of the one before it; names are unique within a model. */
public sealed interface LayerSpec {
    /** Given in the JSON, or the type followed by the layer's index. */
    String name();

    /** The type in the JSON. */
    String type();

    /**
     * y = x W' + b.
     *
     * @param out features; {@link ModelSpec#OF_VOCABULARY} for the number of characters of a text
     * @param tied name of the earlier weight to share, as {@code embed.weight}; null for a weight of its own
     */
    record Linear(String name, long out, boolean bias, String tied) implements LayerSpec {
        @Override
        public String type() {
            return "linear";
        }
    }

    /**
     * A row of a table per id.
     *
     * @param rows of the table; {@link ModelSpec#OF_VOCABULARY} until a text is known
     * @param vocabulary the characters that the ids stand for; null if there are none
     */
    record Embedding(String name, long rows, Vocabulary vocabulary, long width) implements LayerSpec {
        @Override
        public String type() {
            return "embedding";
        }
    }

    /** y = x + b along the last axis. */
    record Bias(String name) implements LayerSpec {
        @Override
        public String type() {
            return "bias";
        }
    }

    /** An elementwise function; its symbol is the type. */
    record Pointwise(String name, Function function) implements LayerSpec {
        @Override
        public String type() {
            return function.symbol();
        }
    }

    record Dropout(String name, float probability) implements LayerSpec {
        @Override
        public String type() {
            return "dropout";
        }
    }

    /** All axes of an example in one. */
    record Flatten(String name) implements LayerSpec {
        @Override
        public String type() {
            return "flatten";
        }
    }

    /**
     * y = x + the output of an earlier layer.
     *
     * @param from its name, or {@code input}
     */
    record Add(String name, String from) implements LayerSpec {
        @Override
        public String type() {
            return "add";
        }
    }
}
