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
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * One or several UTF-8 files, end to end, as ids: the places of characters in a vocabulary, two bytes each, or the tokens of a tokeniser, four bytes each. A
 * byte order mark at the start of a file is no character.
 */
public final class TextData {
    private static final long LONGEST = 256L << 20;
    private static final int CHUNK = 1 << 13;

    /** Null where ids are tokens. */
    private final Vocabulary vocabulary;
    /** One of the two. */
    private final char[] ids;

    private final int[] tokens;
    private final int classes;

    private TextData(Vocabulary vocabulary, char[] ids, int[] tokens, int classes) {
        this.vocabulary = vocabulary;
        this.ids = ids;
        this.tokens = tokens;
        this.classes = classes;
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

    /**
     * By a tokeniser, each file by itself.
     *
     * @param classes ids are below this
     */
    public static TextData read(List<Path> files, Function<String, int[]> tokeniser, int classes) {
        IntStream.Builder all = IntStream.builder();
        for (Contents part : contents(files)) {
            StringBuilder text = new StringBuilder();
            decode(part, text::appendCodePoint);
            for (int id : tokeniser.apply(text.toString())) {
                if (id < 0 || id >= classes) {
                    throw new DataException(
                            part.file() + ": the tokeniser gives id " + id + " and says that it has " + classes);
                }
                all.add(id);
            }
        }
        int[] tokens = all.build().toArray();
        if (tokens.length == 0) {
            throw new DataException(files + ": the text is empty");
        }
        return new TextData(null, null, tokens, classes);
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
        return new TextData(vocabulary, at[0] == ids.length ? ids : Arrays.copyOf(ids, at[0]), null, vocabulary.size());
    }

    /** Null where ids are tokens. */
    public Vocabulary vocabulary() {
        return vocabulary;
    }

    /** How many ids there can be. */
    public int classes() {
        return classes;
    }

    /** What an id stands for, in errors. */
    String unit() {
        return tokens == null ? "characters" : "tokens";
    }

    /** Characters or tokens. */
    public int length() {
        return tokens == null ? ids.length : tokens.length;
    }

    public int id(int position) {
        return tokens == null ? ids[position] : tokens[position];
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
