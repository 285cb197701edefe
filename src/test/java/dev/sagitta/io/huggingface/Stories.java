package dev.sagitta.io.huggingface;

import dev.sagitta.io.file.HostTensor;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The trained decoder {@code stories260K.bin} (llama2.c, version 0: seven int32, then float32 matrices one after another) as a folder of Hugging Face's
 * layout. Rows of queries and keys go from neighbours (0, 1, 2, 3 ...) to halves (0, 2 ... 1, 3 ...) within each head.
 */
final class Stories {
    private final FloatBuffer values;
    private final List<HostTensor> tensors = new ArrayList<>();

    private Stories(FloatBuffer values) {
        this.values = values;
    }

    static Path write(Path bin, Path folder) {
        ByteBuffer bytes;
        try {
            bytes = ByteBuffer.wrap(Files.readAllBytes(bin)).order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        int width = bytes.getInt();
        int hidden = bytes.getInt();
        int layers = bytes.getInt();
        int heads = bytes.getInt();
        int groups = bytes.getInt();
        int vocabulary = bytes.getInt();
        int longest = bytes.getInt();
        int keys = width / heads * groups;
        Stories stories =
                new Stories(bytes.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer());
        stories.take("model.embed_tokens.weight", vocabulary, width);
        stories.each("input_layernorm", layers, 0, width);
        stories.each("self_attn.q_proj", layers, heads, width, width);
        stories.each("self_attn.k_proj", layers, groups, keys, width);
        stories.each("self_attn.v_proj", layers, 0, keys, width);
        stories.each("self_attn.o_proj", layers, 0, width, width);
        stories.each("post_attention_layernorm", layers, 0, width);
        stories.each("mlp.gate_proj", layers, 0, hidden, width);
        stories.each("mlp.down_proj", layers, 0, width, hidden);
        stories.each("mlp.up_proj", layers, 0, hidden, width);
        stories.take("model.norm.weight", width);
        return Folders.write(
                folder,
                """
                {"architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d,
                 "num_attention_heads": %d, "num_key_value_heads": %d, "vocab_size": %d, "max_position_embeddings": %d, "rms_norm_eps": 1e-05,
                 "rope_theta": 10000.0, "tie_word_embeddings": true}
                """.formatted(width, hidden, layers, heads, groups, vocabulary, longest),
                stories.tensors,
                Map.of());
    }

    private void take(String name, long... extents) {
        Shape shape = Shape.of(extents);
        float[] taken = new float[(int) shape.elements()];
        values.get(taken);
        tensors.add(HostTensor.of(name, shape, taken));
    }

    /** @param heads of rows to be put by halves; 0 for rows as they are */
    private void each(String name, int layers, int heads, long... extents) {
        for (int i = 0; i < layers; i++) {
            take("model.layers." + i + "." + name + ".weight", extents);
            if (heads > 0) {
                HostTensor last = tensors.remove(tensors.size() - 1);
                tensors.add(HostTensor.of(last.name(), last.shape(), halves(last, heads)));
            }
        }
    }

    private static float[] halves(HostTensor rows, int heads) {
        int count = (int) rows.shape().extent(0);
        int width = (int) rows.shape().extent(1);
        int size = count / heads;
        float[] from = rows.toFloats();
        float[] to = new float[from.length];
        for (int row = 0; row < count; row++) {
            int inHead = row % size;
            int target = row - inHead + inHead % 2 * (size / 2) + inHead / 2;
            System.arraycopy(from, row * width, to, target * width, width);
        }
        return to;
    }
}
