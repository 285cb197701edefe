package dev.sagitta.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.SourceFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A {@code tokenizer.json}, read by Hugging Face's own tokenisers through {@code ai.djl.huggingface:tokenizers}. That is 20 MB of native code which most
 * users never need and which the bundle leaves out, so that nothing here is compiled against it: it is called by name where it is on the class path. It
 * unpacks its native library once, into {@code ~/.djl.ai} or where {@code DJL_CACHE_DIR} says, and needs no network.
 */
final class TokenizerJson implements Tokens {
    static final String LIBRARY = "ai.djl.huggingface:tokenizers:0.38.0";
    private static final String CLASS = "ai.djl.huggingface.tokenizers.HuggingFaceTokenizer";

    /** Ids of the text and nothing else. */
    private static final List<String> OFF = List.of("addSpecialTokens", "padding", "truncation");

    private final Path file;
    private final int size;
    private final AutoCloseable tokenizer;

    private TokenizerJson(Path file, int size, AutoCloseable tokenizer) {
        this.file = file;
        this.size = size;
        this.tokenizer = tokenizer;
    }

    /** @throws DataException if the file is no tokeniser, or the library is not on the class path */
    static TokenizerJson open(Path file) {
        return open(file, TokenizerJson.class.getClassLoader());
    }

    /** The same with a library of one's own. */
    static TokenizerJson open(Path file, ClassLoader library) {
        byte[] json;
        try (SourceFile source = SourceFile.open(file)) {
            ByteBuffer bytes = source.bytes(0, source.size());
            json = new byte[bytes.remaining()];
            bytes.get(json);
        }
        int size = size(json, file);
        try {
            Class<?> type = Class.forName(CLASS, true, library);
            // a CPU's build is in the jar; another would be fetched
            System.setProperty("RUST_FLAVOR", System.getProperty("RUST_FLAVOR", "cpu"));
            System.setProperty("ai.djl.offline", System.getProperty("ai.djl.offline", "true"));
            Object made = type.getMethod("newInstance", InputStream.class, Map.class)
                    .invoke(null, new ByteArrayInputStream(json), options());
            return new TokenizerJson(file, size, (AutoCloseable) made);
        } catch (ClassNotFoundException | NoClassDefFoundError e) {
            throw new DataException(
                    file + ": a tokeniser needs the library " + LIBRARY + " on the class path (a bundle leaves it out:"
                            + " put its jar, ai.djl:api's and gson's into lib), or give ids: --inputs ids.npy,"
                            + " --prompt-ids",
                    e);
        } catch (ReflectiveOperationException | LinkageError e) {
            throw failed(file, e);
        }
    }

    private static Map<String, String> options() {
        Map<String, String> options = new TreeMap<>();
        OFF.forEach(option -> options.put(option, "false"));
        return options;
    }

    /** One more than the largest id. */
    private static int size(byte[] json, Path file) {
        try {
            JsonNode root = new ObjectMapper().readTree(json);
            JsonNode vocabulary = root.path("model").path("vocab");
            long largest = vocabulary.isArray() ? vocabulary.size() - 1L : -1;
            if (vocabulary.isObject()) {
                for (Iterator<JsonNode> ids = vocabulary.elements(); ids.hasNext(); ) {
                    largest = Math.max(largest, ids.next().asLong(-1));
                }
            }
            for (JsonNode added : root.path("added_tokens")) {
                largest = Math.max(largest, added.path("id").asLong(-1));
            }
            if (largest < 0 || largest >= Integer.MAX_VALUE) {
                throw new DataException(file + ": no tokens under \"model\": {\"vocab\": ...}; expected the"
                        + " tokenizer.json of a model");
            }
            return (int) largest + 1;
        } catch (IOException e) {
            throw new DataException(file + ": not JSON; expected the tokenizer.json of a model", e);
        }
    }

    private static DataException failed(Path file, Throwable e) {
        Throwable cause = e instanceof InvocationTargetException && e.getCause() != null ? e.getCause() : e;
        String said = cause.getMessage() == null ? cause.toString() : cause.getMessage();
        return new DataException(
                file + ": the tokeniser failed: " + said.lines().findFirst().orElse(""), e);
    }

    @Override
    public int[] encode(String text) {
        try {
            Object encoding = tokenizer
                    .getClass()
                    .getMethod("encode", String.class, boolean.class, boolean.class)
                    .invoke(tokenizer, text, false, false);
            long[] ids = (long[]) encoding.getClass().getMethod("getIds").invoke(encoding);
            return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
        } catch (ReflectiveOperationException | LinkageError e) {
            throw failed(file, e);
        }
    }

    @Override
    public String decode(int... ids) {
        try {
            return (String) tokenizer
                    .getClass()
                    .getMethod("decode", long[].class, boolean.class)
                    .invoke(tokenizer, Arrays.stream(ids).asLongStream().toArray(), false);
        } catch (ReflectiveOperationException | LinkageError e) {
            throw failed(file, e);
        }
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public void close() {
        try {
            tokenizer.close();
        } catch (Exception e) {
            throw failed(file, e);
        }
    }
}
