package dev.sagitta.kernel.reduce;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.Work.Chunks;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/**
 * The likeliest id by a network's logits, made the input of its next step in device memory, in two launches: of equal ones the first, a NaN before all.
 *
 * @param logits fp32
 * @param id i32 [1]: receives it
 * @param position i32 [1]: of the last id; goes on by one, up to the last
 * @param ids i32 [longest + 1]: receives it at the position that follows, or -1 - the index where its logit is NaN
 * @param partials workspace of the shape that {@link Reduce#partials} states for one row
 */
public record Likeliest(Tensor logits, Tensor id, Tensor position, Tensor ids, Tensor partials) implements Descriptor {
    private static final String FILE = "reduce/reduce";

    @Override
    public String file() {
        return FILE;
    }

    @Override
    public Signature signature() {
        Signature s = Signature.of("reduce_max_f32")
                .in("x", logits, DType.F32)
                .free()
                .require(logits.elements() >= 1, logits + " is empty and has no largest element")
                .out("id", id, DType.I32)
                .ofAnotherLaunch()
                .elements(1)
                .inOut("position", position, DType.I32)
                .ofAnotherLaunch()
                .elements(1)
                .inOut("ids", ids, DType.I32)
                .free()
                .ofAnotherLaunch();
        Device device = logits.buffer().device();
        return s.workspace(
                        "partials",
                        partials,
                        DType.F32,
                        Reduce.partials(device, 1, logits.elements()).toArray())
                .i64("rows", 1)
                .i64("n", logits.elements())
                .i64("chunk", Chunks.of(device, logits.elements(), 1).length());
    }

    @Override
    public Geometry geometry(Device device) {
        return Geometry.linear(Chunks.of(device, logits.elements(), 1).count(), Work.onCpu(device) ? 1 : Work.GROUP);
    }

    @Override
    public List<Descriptor> launches(Device device) {
        return List.of(this, new Finish(partials, id, position, ids));
    }

    private record Finish(Tensor partials, Tensor id, Tensor position, Tensor ids) implements Descriptor {
        @Override
        public String file() {
            return FILE;
        }

        @Override
        public Signature signature() {
            return Signature.of("next_id_finish_f32")
                    .in("partials", partials, DType.F32)
                    .out("id", id, DType.I32)
                    .inOut("position", position, DType.I32)
                    .inOut("ids", ids, DType.I32)
                    .i64("chunks", partials.elements() / 2)
                    .i32("longest", Math.toIntExact(ids.elements() - 1));
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.linear(1, Work.onCpu(device) ? 1 : Work.GROUP);
        }
    }

    @Override
    public long flops() {
        return logits.elements();
    }

    @Override
    public Tolerance tolerance() {
        return Tolerance.EXACT;
    }
}
