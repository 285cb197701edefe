package dev.sagitta.cli.demo;

import dev.sagitta.curvature.estimator.HutchinsonTrace;
import dev.sagitta.device.Device;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.program.BatchLosses;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Rows;
import dev.sagitta.quant.Omega;
import dev.sagitta.quant.QuantPlan;
import dev.sagitta.quant.Quantizer;
import dev.sagitta.quant.RoundingCurvature;
import dev.sagitta.quant.RoundingErrors;
import dev.sagitta.quant.StoredModel;
import java.util.ArrayList;
import java.util.List;

/** Low-bit versions of a trained checkpoint, evaluated as they are packed, beside what curvature foretold. */
final class Quantization {
    /** Examples per pass of an evaluation, and per sample of the standard error. */
    /** Of a batch: labels that count. */
    static final int ROWS = 512;

    private final Device device;
    private final Quantizer quantizer;
    private final Omega omega;
    private final RoundingCurvature rounding;
    private final Rows heldOut;
    private final BatchLosses full;
    private final int batch;

    /**
     * @param batch of evaluations
     * @param traces of the loss's Hessian at the checkpoint
     * @param rows that they were measured on
     */
    Quantization(
            Checkpoint checkpoint, Device device, int batch, HutchinsonTrace.Result traces, Rows rows, Rows heldOut) {
        this.device = device;
        this.batch = batch;
        this.quantizer = new Quantizer(checkpoint, device, Quantizer.Settings.DEFAULT);
        this.omega = quantizer.omega(traces);
        this.rounding = quantizer.rounding(rows);
        this.heldOut = heldOut;
        try (StoredModel model = StoredModel.open(checkpoint, device)) {
            this.full = losses(model);
        }
    }

    /** A budget between two widths takes the bytes of the one below and its part of what the one above takes more. */
    private long bytes(double bits) {
        int below = (int) bits;
        long least = bytes(below);
        return below == bits ? least : least + (long) ((bits - below) * (bytes(below + 1) - least));
    }

    private long bytes(int bits) {
        return quantizer.otherBytes()
                + quantizer.errors().weights().stream()
                        .mapToLong(weight -> weight.choice(bits).bytes())
                        .sum();
    }

    /**
     * In the bytes of so many bits per weight: the plan of least curvature along the rounding errors, the one of least Omega, and the smallest uniform one
     * that is no smaller.
     */
    List<DemoResult.Quantized> compare(double bits) {
        long most = bytes(bits);
        BatchLosses uniform = losses(quantizer.uniform((int) Math.ceil(bits)));
        return List.of(
                evaluate("curvature", quantizer.byBytes(rounding, most), uniform),
                evaluate("trace", quantizer.byBytes(omega, most), uniform),
                result("uniform", quantizer.uniform((int) Math.ceil(bits)), uniform, null));
    }

    private DemoResult.Quantized evaluate(String name, QuantPlan plan, BatchLosses uniform) {
        BatchLosses losses = losses(plan);
        return result(name, plan, losses, uniform.minus(losses));
    }

    private DemoResult.Quantized result(
            String name, QuantPlan plan, BatchLosses losses, BatchLosses.Difference lessThanUniform) {
        List<DemoResult.LayerBits> layers = new ArrayList<>();
        plan.formats().forEach((weight, format) -> {
            RoundingErrors.Choice choice = quantizer.errors().weight(weight).choice(format.bits());
            layers.add(new DemoResult.LayerBits(
                    weight,
                    format.bits(),
                    choice.bytes(),
                    choice.squaredError(),
                    omega.cost(weight, format.bits()),
                    rounding.cost(weight, format.bits())));
        });
        Quantizer.Packed packed = quantizer.pack(plan);
        return new DemoResult.Quantized(
                name,
                packed.averageBits(),
                packed.bytes(),
                rounding.lossIncrease(plan),
                DemoResult.Difference.of(losses.minus(full)),
                lessThanUniform == null ? null : DemoResult.Difference.of(lessThanUniform),
                omega.cost(plan),
                rounding.cost(plan),
                layers,
                losses.evaluation());
    }

    private BatchLosses losses(QuantPlan plan) {
        try (StoredModel model = quantizer.pack(plan).model(device)) {
            return losses(model);
        }
    }

    private BatchLosses losses(StoredModel model) {
        try (Batches batches = model.batches(ProgramOptions.of(batch, Computation.EVALUATE), heldOut)) {
            return BatchLosses.of(batches);
        }
    }
}
