package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.model.Vocabulary;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

final class TokensTest {
    /** Bytes of UTF-8. */
    private static final Tokens BYTES = new Tokens() {
        @Override
        public int[] encode(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            int[] ids = new int[bytes.length];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = bytes[i] & 0xff;
            }
            return ids;
        }

        @Override
        public String decode(int... ids) {
            byte[] bytes = new byte[ids.length];
            for (int i = 0; i < ids.length; i++) {
                bytes[i] = (byte) ids[i];
            }
            return new String(bytes, StandardCharsets.UTF_8);
        }

        @Override
        public int size() {
            return 256;
        }
    };

    @Test
    void charactersOfAModel() {
        try (Tokens tokens = Tokens.characters(Vocabulary.of("ab\ud83d\ude00", "v"))) {
            assertThat(tokens.size()).isEqualTo(3);
            assertThat(tokens.encode("b\ud83d\ude00a")).containsExactly(1, 2, 0);
            assertThat(tokens.decode(1, 2, 0)).isEqualTo("b\ud83d\ude00a");
            assertThat(tokens.encode("")).isEmpty();
            assertThatThrownBy(() -> tokens.encode("abc"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("is not in the model's vocabulary");
        }
    }

    private static String shown(Tokens tokens, int first, int... ids) {
        StringWriter out = new StringWriter();
        TextStream stream = new TextStream(new PrintWriter(out), tokens);
        stream.begin(first);
        for (int id : ids) {
            stream.add(id);
            out.append('|');
        }
        return out.toString();
    }

    @Test
    void bytesOfACharacterWaitForOneAnother() {
        assertThat(shown(BYTES, 'a', BYTES.encode("\u00e9b"))).isEqualTo("a|\u00e9|b|");
        assertThat(shown(BYTES, 'a', BYTES.encode("\ud83d\ude00"))).isEqualTo("a|||\ud83d\ude00|");
        // what never becomes a character is shown at last
        int[] half = new int[70];
        java.util.Arrays.fill(half, 0xe9);
        assertThat(shown(BYTES, 'a', half)).contains("\ufffd");
        assertThat(shown(null, 3, 4, 5)).isEqualTo("4| 5|");
    }
}
