package dev.sagitta.data;

import dev.sagitta.io.file.ByteOrderMark;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.SourceFile;
import dev.sagitta.io.model.Vocabulary;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * The characters of one or several UTF-8 files, end to end, as ids of a vocabulary. Two bytes per character. A byte order mark at the start
 * of a file is no character.
 */
public final class TextData {
    private static final long LONGEST = 256L << 20;
    private static final int CHUNK = 1 << 13;

    private final Vocabulary vocabulary;
    private final char[] ids;

    private TextData(Vocabulary vocabulary, char[] ids) {
        this.vocabulary = vocabulary;
        this.ids = ids;
    }

    /** A file's bytes beyond its byte order mark; read or mapped once, since a pipe can be opened once. */
    private record Contents(Path file, ByteBuffer bytes) {}

    /** Takes the vocabulary from the text. */
    public static TextData read(List<Path> files) {
        List<Contents> contents = contents(files);
        BitSet seen = new BitSet();
        long[] count = {0};
        for (Contents part : contents) {
            decode(part, codePoint -> {
                seen.set(codePoint);
                count[0]++;
            });
        }
        if (count[0] == 0) {
            throw new DataException(files + ": the text is empty (" + bytes(contents) + " bytes)");
        }
        if (seen.cardinality() > Vocabulary.LARGEST) {
            throw new DataException(
                    files + ": " + seen.cardinality() + " different characters, at most " + Vocabulary.LARGEST);
        }
        return encode(contents, Vocabulary.of(seen), count[0]);
    }

    /** @throws DataException naming the first character that is not in the vocabulary */
    public static TextData read(List<Path> files, Vocabulary vocabulary) {
        List<Contents> contents = contents(files);
        return encode(contents, vocabulary, bytes(contents));
    }

    private static TextData encode(List<Contents> contents, Vocabulary vocabulary, long most) {
        char[] ids = new char[(int) most];
        int[] at = {0};
        for (Contents part : contents) {
            int start = at[0];
            decode(part, codePoint -> {
                int id = vocabulary.id(codePoint);
                if (id < 0) {
                    throw new DataException(part.file() + ": character " + (at[0] - start) + ", "
                            + Vocabulary.describe(codePoint) + ", is not in the model's vocabulary of "
                            + vocabulary.size());
                }
                ids[at[0]++] = (char) id;
            });
        }
        if (at[0] == 0) {
            throw new DataException(contents.stream().map(Contents::file).toList() + ": the text is empty");
        }
        return new TextData(vocabulary, at[0] == ids.length ? ids : Arrays.copyOf(ids, at[0]));
    }

    public Vocabulary vocabulary() {
        return vocabulary;
    }

    /** Characters. */
    public int length() {
        return ids.length;
    }

    public int id(int position) {
        return ids[position];
    }

    private static List<Contents> contents(List<Path> files) {
        List<Contents> contents = new ArrayList<>();
        long bytes = 0;
        for (Path path : files) {
            try (SourceFile file = SourceFile.open(path)) {
                bytes += file.size();
                if (bytes > LONGEST) {
                    throw new DataException(files + ": " + (files.size() == 1 ? "" : "at least ") + bytes
                            + " bytes of text, at most " + LONGEST + " are read; give a part of it");
                }
                ByteBuffer text = ByteOrderMark.skip(file.bytes(0, file.size()), path.toString());
                contents.add(new Contents(path, text));
            }
        }
        return contents;
    }

    private static long bytes(List<Contents> contents) {
        return contents.stream().mapToLong(part -> part.bytes().remaining()).sum();
    }

    private interface CodePoints {
        void accept(int codePoint);
    }

    private static void decode(Contents part, CodePoints out) {
        ByteBuffer bytes = part.bytes().duplicate();
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT);
        CharBuffer chars = CharBuffer.allocate(CHUNK);
        CoderResult result;
        do {
            result = decoder.decode(bytes, chars, true);
            if (result.isError()) {
                throw new DataException(part.file() + ": byte " + bytes.position()
                        + " begins no valid UTF-8 character; convert the file to UTF-8");
            }
            chars.flip();
            // the decoder never splits a surrogate pair over two chunks
            while (chars.hasRemaining()) {
                char high = chars.get();
                out.accept(Character.isHighSurrogate(high) ? Character.toCodePoint(high, chars.get()) : high);
            }
            chars.clear();
        } while (result.isOverflow());
    }
}
