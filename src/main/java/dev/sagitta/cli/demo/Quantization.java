package dev.sagitta.cli.demo;

import dev.sagitta.curvature.HutchinsonTrace;
import dev.sagitta.device.Device;
import dev.sagitta.io.Checkpoint;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Evaluation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.quant.QuantPlan;
import dev.sagitta.quant.Quantizer;
import dev.sagitta.quant.RoundingCurvature;
import dev.sagitta.quant.Sensitivity;
import dev.sagitta.quant.StoredModel;
import java.util.ArrayList;
import java.util.List;

/** Low-bit versions of a trained checkpoint, evaluated as they are packed. */
final class Quantization {
    private final Device device;
    private final Quantizer quantizer;
    private final Sensitivity sensitivity;
    private final RoundingCurvature rounding;
    private final Examples heldOut;

    /**
     * @param traces of the loss's Hessian at the checkpoint
     * @param rows that they were measured on
     */
    Quantization(Checkpoint checkpoint, Device device, HutchinsonTrace.Result traces, Examples rows, Examples heldOut) {
        this.device = device;
        Quantizer.Settings settings = Quantizer.Settings.DEFAULT;
        this.quantizer = new Quantizer(checkpoint, device, settings);
        this.sensitivity = quantizer.measure(traces);
        this.rounding = RoundingCurvature.measure(checkpoint, device, quantizer, settings, sensitivity, rows);
        this.heldOut = heldOut;
    }

    /** All weights at the same width. */
    DemoResult.Quantized uniform(int bits) {
        return evaluate("uniform", quantizer.uniform(bits));
    }

    /** The widths of least Omega, the mean curvature times the squared error, in at most so many bytes. */
    DemoResult.Quantized byTrace(long bytes) {
        return evaluate("trace", quantizer.byBytes(sensitivity, bytes));
    }

    /** The same by the curvature along each rounding error. */
    DemoResult.Quantized byCurvature(long bytes) {
        return evaluate("curvature", rounding.byBytes(bytes));
    }

    private DemoResult.Quantized evaluate(String name, QuantPlan plan) {
        List<DemoResult.LayerBits> layers = new ArrayList<>();
        plan.formats().forEach((weight, format) -> {
            Sensitivity.Weight measured = sensitivity.weight(weight);
            Sensitivity.Choice choice = measured.choice(format.bits());
            layers.add(new DemoResult.LayerBits(
                    weight,
                    format.bits(),
                    choice.bytes(),
                    choice.squaredError(),
                    measured.omega(choice),
                    rounding.of(weight, format.bits())));
        });
        double omega = layers.stream().mapToDouble(DemoResult.LayerBits::omega).sum();
        double curvature =
                layers.stream().mapToDouble(DemoResult.LayerBits::curvature).sum();
        Quantizer.Packed packed = quantizer.pack(plan);
        ProgramOptions options = ProgramOptions.of(Examples.BATCH, Computation.EVALUATE);
        try (StoredModel model = packed.model(device);
                Batches batches = model.batches(options, heldOut)) {
            return new DemoResult.Quantized(
                    name, packed.averageBits(), packed.bytes(), omega, curvature, layers, Evaluation.of(batches));
        }
    }
}
