package dev.sagitta.cli;

import dev.sagitta.device.Stream;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.program.Batches;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Vectors over a model's parameters between files and devices. */
final class NetworkVectors {
    private NetworkVectors() {}

    /**
     * Uploads a checkpoint's parameters in full precision.
     *
     * @throws DataException if any is packed
     */
    static void load(Checkpoint checkpoint, Batches batches) {
        batches.program()
                .load(parameter -> checkpoint.parameter(parameter.name()).bytes());
    }

    /** The parts of one flat vector [length], named as the parameters. */
    static List<HostTensor> download(ParameterLayout layout, Tensor flat, Stream stream) {
        ByteBuffer all = flat.download(stream);
        List<HostTensor> parts = new ArrayList<>();
        for (Parameter parameter : layout.parameters()) {
            int from = Math.toIntExact(layout.offset(parameter) * Float.BYTES);
            ByteBuffer part = all.slice(from, Math.toIntExact(parameter.elements() * Float.BYTES))
                    .order(ByteOrder.nativeOrder());
            parts.add(new HostTensor(parameter.name(), DType.F32, parameter.shape(), part));
        }
        return parts;
    }

    /** Writes a vector, unless a number in it is NaN or infinite. */
    static void write(Path file, String what, List<HostTensor> vector) {
        for (HostTensor tensor : vector) {
            if (tensor.firstNonFinite() >= 0) {
                tensor.requireFinite(what + " is beyond fp32: " + file + " is not written");
            }
        }
        SafetensorsFile.write(file, Map.of(), vector);
    }

    static double dot(List<HostTensor> a, List<HostTensor> b) {
        double sum = 0;
        for (int i = 0; i < a.size(); i++) {
            for (int j = 0; j < a.get(i).elements(); j++) {
                sum += (double) a.get(i).floatAt(j) * b.get(i).floatAt(j);
            }
        }
        return sum;
    }
}
