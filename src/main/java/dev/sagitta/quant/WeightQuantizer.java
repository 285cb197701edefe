package dev.sagitta.quant;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.kernel.PackedWeights;
import dev.sagitta.kernel.PackedWeights.Layout;
import dev.sagitta.kernel.QuantFormat;
import dev.sagitta.kernel.QuantizeWeights;
import dev.sagitta.kernel.Step;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.function.BiFunction;

/** Quantises one weight at a time on the device; nothing of it stays there. */
record WeightQuantizer(Device device, Stream stream) {

    /** ||Q(W) - W||^2, summed over the rows in fp64. Waits for the stream. */
    double squaredError(Tensor weights, QuantFormat format) {
        return quantize(weights, format, (packed, errors) -> {
            double sum = 0;
            for (float error : errors.downloadFloats(stream)) {
                sum += error;
            }
            return sum;
        });
    }

    /** The packed weight. */
    PackedTensors pack(String name, Tensor weights, QuantFormat format) {
        return quantize(weights, format, (packed, errors) -> PackedTensors.download(name, packed, stream));
    }

    private <T> T quantize(Tensor weights, QuantFormat format, BiFunction<PackedWeights, Tensor, T> read) {
        long n = weights.shape().extent(0);
        PackedWeights packed = PackedWeights.allocate(
                device,
                MemoryCategory.WORKSPACE,
                weights.name(),
                format,
                Layout.ROWS,
                n,
                weights.shape().extent(1));
        Tensor errors = null;
        try {
            errors = Tensor.allocate(
                    device, MemoryCategory.WORKSPACE, weights.name() + ".errors", DType.F32, Shape.of(n));
            try (Step step = QuantizeWeights.of(weights, packed, errors).prepare(device)) {
                step.enqueue(stream);
                return read.apply(packed, errors);
            }
        } finally {
            PackedTensors.close(packed);
            if (errors != null) {
                errors.buffer().close();
            }
        }
    }
}
