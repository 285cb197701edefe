package dev.sagitta.cli;

import dev.sagitta.io.model.Vocabulary;

/** Text as the ids of a model, and back. */
interface Tokens extends AutoCloseable {
    /** @throws dev.sagitta.io.file.DataException naming what of the text has no id */
    int[] encode(String text);

    String decode(int... ids);

    /** Ids are below this. */
    int size();

    @Override
    default void close() {}

    /** The characters of a model. */
    static Tokens characters(Vocabulary vocabulary) {
        return new Tokens() {
            @Override
            public int[] encode(String text) {
                return vocabulary.encode(text);
            }

            @Override
            public String decode(int... ids) {
                return vocabulary.decode(ids);
            }

            @Override
            public int size() {
                return vocabulary.size();
            }
        };
    }
}
