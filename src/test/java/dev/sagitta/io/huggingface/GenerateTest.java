package dev.sagitta.io.huggingface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.program.Decoder;
import dev.sagitta.program.NextId;
import dev.sagitta.quant.StoredModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a trained decoder writes at temperature 0, letter for letter as its author printed it. */
class GenerateTest {
    private static final int BEGIN = 1;
    private static final int LENGTH = 256;

    @TempDir
    Path folder;

    static List<String> devices() {
        return TestDevices.names();
    }

    /** Bytes of the 512 tokens: unknown, begin, end, 256 bytes, then pieces of words. */
    private static List<byte[]> pieces(Path file) throws IOException {
        ByteBuffer data = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        data.getInt();
        List<byte[]> pieces = new ArrayList<>();
        while (data.hasRemaining()) {
            data.getFloat();
            byte[] piece = new byte[data.getInt()];
            data.get(piece);
            pieces.add(piece);
        }
        return pieces;
    }

    private static String text(List<Integer> ids, List<byte[]> pieces) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        int previous = BEGIN;
        for (int id : ids) {
            byte[] piece = id >= 3 && id < 259 ? new byte[] {(byte) (id - 3)} : pieces.get(id);
            int from = previous == BEGIN && piece[0] == ' ' ? 1 : 0;
            text.write(piece, from, piece.length - from);
            previous = id;
        }
        return text.toString(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void greedyTextIsThePublishedOne(String device) throws IOException {
        Path bin = HeldData.file("stories260K/stories260K.bin");
        List<byte[]> pieces = pieces(HeldData.file("stories260K/tok512.bin"));
        JsonNode expected = HeldData.expected("stories260K.json");
        Path stories = Stories.write(bin, folder.resolve("stories"));
        try (Checkpoint checkpoint = HuggingFace.open(stories, 1, note -> {});
                StoredModel model = StoredModel.open(checkpoint, TestDevices.get(device));
                Decoder decoder = model.decoder(LENGTH)) {
            NextId greedy = new NextId(0, 0, 1, 0);
            for (int round = 0; round < 2; round++) {
                List<Integer> ids = new ArrayList<>();
                int id = BEGIN;
                while (!decoder.isFull()) {
                    decoder.take(id);
                    id = greedy.of(decoder.logits());
                    ids.add(id);
                }
                String published = expected.get("published_greedy_text").asText();
                String text = text(ids, pieces);
                // its last line break lies beyond these tokens
                assertThat(text).isEqualTo(published.stripTrailing());
                assertThatThrownBy(() -> decoder.take(BEGIN)).hasMessageContaining("there is room for 256");
                decoder.restart();
            }
            assertThatThrownBy(() -> decoder.take(512)).hasMessageContaining("id 512");
        }
    }
}
