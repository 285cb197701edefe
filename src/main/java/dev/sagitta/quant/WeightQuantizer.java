package dev.sagitta.quant;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.packed.PackedWeights;
import dev.sagitta.kernel.packed.PackedWeights.Layout;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.kernel.packed.Quantize;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Quantises one weight at a time on the device; nothing of it stays there. */
record WeightQuantizer(Device device, Stream stream) {

    /** Rounded on the device to the least squared error, then freed of its bias. Waits for the stream. */
    PackedTensors.Fitted quantize(HostTensor full, QuantFormat format) {
        long n = full.shape().extent(0);
        List<Buffer> buffers = new ArrayList<>();
        PackedWeights packed = null;
        try {
            Tensor weights = allocate(buffers, full.name(), full.shape());
            Tensor errors = allocate(buffers, full.name() + ".errors", Shape.of(n));
            packed = PackedWeights.allocate(
                    device,
                    MemoryCategory.WORKSPACE,
                    full.name(),
                    format,
                    Layout.ROWS,
                    n,
                    full.shape().extent(1));
            weights.upload(stream, full.bytes());
            try (Step step = Quantize.of(weights, packed, errors).prepare(device)) {
                step.enqueue(stream);
                return PackedTensors.download(full.name(), packed, stream).unbiased(full);
            }
        } finally {
            PackedTensors.close(packed);
            buffers.forEach(Buffer::close);
        }
    }

    private Tensor allocate(List<Buffer> buffers, String name, Shape shape) {
        Tensor tensor = Tensor.allocate(device, MemoryCategory.WORKSPACE, name, DType.F32, shape);
        buffers.add(tensor.buffer());
        return tensor;
    }
}
