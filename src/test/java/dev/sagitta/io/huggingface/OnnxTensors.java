package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tensors of the cases' file, which has others beside fp32 that no model has and our reader refuses: 8-bit and 64-bit ones. */
record OnnxTensors(JsonNode header, ByteBuffer data) {
    static OnnxTensors open(Path path) throws IOException {
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        byte[] json = new byte[Math.toIntExact(file.getLong())];
        file.get(json);
        return new OnnxTensors(new ObjectMapper().readTree(json), file.slice().order(ByteOrder.LITTLE_ENDIAN));
    }

    boolean has(String name) {
        return header.has(name);
    }

    HostTensor tensor(String name) {
        JsonNode entry = header.get(name);
        String dtype = entry.get("dtype").textValue();
        if (!dtype.equals("F32")) {
            throw new OnnxCase.Unsupported("of " + dtype);
        }
        long[] extents = new long[entry.get("shape").size()];
        for (int i = 0; i < extents.length; i++) {
            extents[i] = entry.get("shape").get(i).longValue();
        }
        Shape shape = Shape.of(extents);
        float[] values = new float[Math.toIntExact(shape.elements())];
        int at = entry.get("data_offsets").get(0).intValue();
        for (int i = 0; i < values.length; i++) {
            values[i] = data.getFloat(at + Float.BYTES * i);
        }
        return HostTensor.of(name, shape, values);
    }
}
