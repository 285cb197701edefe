package dev.sagitta.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.model.Vocabulary;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TextDataTest {
    @TempDir
    Path folder;

    private Path file(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    private static String decoded(TextData text) {
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            all.append(text.vocabulary().decode(text.id(i)));
        }
        return all.toString();
    }

    @Test
    void theVocabularyIsSortedAndTheTextComesBack() throws IOException {
        TextData text = TextData.read(List.of(file("a", "hello \u00e9"), file("b", "\ud83d\ude00\n\u4e16")));
        assertThat(text.vocabulary().characters()).isEqualTo("\n ehlo\u00e9\u4e16\ud83d\ude00");
        assertThat(text.length()).isEqualTo(10);
        assertThat(decoded(text)).isEqualTo("hello \u00e9\ud83d\ude00\n\u4e16");
        assertThat(Vocabulary.of(text.vocabulary().characters(), "x")).isEqualTo(text.vocabulary());
        assertThat(text.vocabulary().encode("h\ud83d\ude00")).containsExactly(3, 8);
    }

    @ParameterizedTest
    @ValueSource(ints = {8190, 8191, 8192, 8193, 8194, 20_000})
    void pairsOfSurrogatesSurviveTheEdgesOfChunks(int prefix) throws IOException {
        String all = "x".repeat(prefix) + "\ud83d\ude00".repeat(9000) + "y";
        assertThat(decoded(TextData.read(List.of(file("a", all))))).isEqualTo(all);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 5, 8191, 8192, 100_000})
    void malformedUtf8IsNamedByItsByte(int prefix) throws IOException {
        byte[][] malformed = {
            {(byte) 0xff}, {(byte) 0xc3, 'x'}, {(byte) 0xed, (byte) 0xa0, (byte) 0x80}, {(byte) 0xe4, (byte) 0xb8}
        };
        for (byte[] bad : malformed) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            bytes.write("x".repeat(prefix).getBytes(StandardCharsets.UTF_8));
            bytes.write(bad);
            Path path = Files.write(folder.resolve("bad.txt"), bytes.toByteArray());
            assertThatThrownBy(() -> TextData.read(List.of(path)))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining(path + ": byte " + prefix + " begins no valid UTF-8 character");
        }
    }

    @Test
    void aByteOrderMarkIsNoCharacter() throws IOException {
        Path marked = file("a", "\ufeffab");
        TextData text = TextData.read(List.of(marked, file("b", "\ufeffc\ufeff")));
        // within a text it is a character like others
        assertThat(decoded(text)).isEqualTo("abc\ufeff");
        assertThat(decoded(TextData.read(List.of(marked), Vocabulary.of("ab", "v"))))
                .isEqualTo("ab");
        assertThatThrownBy(() -> TextData.read(List.of(marked), Vocabulary.of("a", "v")))
                .hasMessageContaining("character 1, U+0062 'b'");
        Path onlyMark = file("c", "\ufeff");
        assertThatThrownBy(() -> TextData.read(List.of(onlyMark))).hasMessageContaining("the text is empty");
        Path bad =
                Files.write(folder.resolve("d"), new byte[] {(byte) 0xef, (byte) 0xbb, (byte) 0xbf, 'x', (byte) 0xff});
        assertThatThrownBy(() -> TextData.read(List.of(bad))).hasMessageContaining("byte 4 begins no valid");
    }

    @Test
    void otherEncodingsAreNamedByTheirMark() throws IOException {
        for (String encoding : new String[] {"UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"}) {
            Path text = Files.write(folder.resolve("t"), "\ufeff{}".getBytes(encoding));
            String name = encoding.substring(0, 6);
            String message = text + ": it begins with the byte order mark of " + name
                    + ", expected UTF-8; convert it with iconv -f " + name + " -t UTF-8";
            assertThatThrownBy(() -> TextData.read(List.of(text)))
                    .isInstanceOf(DataException.class)
                    .hasMessage(message);
            assertThatThrownBy(() -> JsonInput.file(text))
                    .isInstanceOf(DataException.class)
                    .hasMessage(message);
        }
    }

    @Test
    void jsonMayBeginWithAByteOrderMark() throws IOException {
        assertThat(JsonInput.file(file("j", "\ufeff{\"a\": 7}")).integer("a", 0, 9))
                .isEqualTo(7);
        Path twice = file("k", "\ufeff\ufeff{}");
        assertThatThrownBy(() -> JsonInput.file(twice)).hasMessageContaining("malformed JSON");
    }

    @Test
    void aCharacterOutsideTheVocabularyIsNamed() throws IOException {
        Vocabulary vocabulary = Vocabulary.of("abc", "test");
        Path path = file("a", "abcabd");
        assertThatThrownBy(() -> TextData.read(List.of(path), vocabulary))
                .isInstanceOf(DataException.class)
                .hasMessage(path + ": character 5, U+0064 'd', is not in the model's vocabulary of 3");
        assertThatThrownBy(() -> vocabulary.encode("a\nb"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("U+000A");
    }

    @Test
    void emptyAndAbsentTextsAreNamed() throws IOException {
        Path empty = file("empty", "");
        assertThatThrownBy(() -> TextData.read(List.of(empty)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("empty");
        assertThatThrownBy(() -> TextData.read(List.of(empty), Vocabulary.of("a", "x")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("empty");
        assertThatThrownBy(() -> TextData.read(List.of(folder.resolve("absent"))))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no such file");
    }

    @Test
    void aVocabularyMustBeSortedAndDistinct() {
        for (String wrong : new String[] {"", "ba", "aa", "\ud800"}) {
            assertThatThrownBy(() -> Vocabulary.of(wrong, "model"))
                    .isInstanceOf(DataException.class)
                    .hasMessageStartingWith("model: ");
        }
    }
}
