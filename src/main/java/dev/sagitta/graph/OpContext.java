package dev.sagitta.graph;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;
import java.util.function.Function;

/**
 * What an op sees of its node while a schedule is emitted. Which parts are set depends on the mode.
 *
 * @param name of the node, for labels
 * @param training whether dropout drops
 * @param inputs primal inputs [B, ...]. In every mode but forward they have a shape and no contents (but for the network's own input, which
 *     stays in memory): a task that reads one is refused
 * @param saved what {@link Op#saved} asked for: written by forward for a mask, else restored before each later pass
 * @param parameter current values
 * @param tangents of the inputs, [K, B, ...]
 * @param parameterTangent [K, ...] or null
 * @param cotangent of the output, [B, ...]
 * @param cotangentTangent of the output, [K, B, ...]
 * @param wantsInput whether the cotangent of input i is of use
 * @param gradient where the gradient of a parameter goes, or null
 * @param gradientTangent where the K tangents of the gradient go, or null
 * @param accumulates whether an earlier task already wrote that parameter's gradient (shared parameters)
 * @param curvatureSlot K numbers
 * @param random state of the random counters: seed and step
 * @param stream number of this node's random stream
 */
public record OpContext(
        String name,
        int batch,
        int probes,
        boolean training,
        Shape outputShape,
        List<Value> inputs,
        Value saved,
        Function<Parameter, Value> parameter,
        List<Value> tangents,
        Function<Parameter, Value> parameterTangent,
        Value cotangent,
        Value cotangentTangent,
        List<Boolean> wantsInput,
        Function<Parameter, Value> gradient,
        Function<Parameter, Value> gradientTangent,
        Function<Parameter, Boolean> accumulates,
        Value curvatureSlot,
        Value random,
        int stream) {

    /** @throws IllegalStateException if the op saves nothing */
    @Override
    public Value saved() {
        if (saved == null) {
            throw new IllegalStateException(
                    "layer '" + name + "' reads a saved value where none was kept; its op must declare"
                            + " what it reads in saved(), and read it only where an input or a parameter of it is trained");
        }
        return saved;
    }

    public Value input() {
        return inputs.get(0);
    }

    public Value tangent() {
        return tangents.get(0);
    }

    /** A new primal value [B, output shape]. */
    public Value newOutput(Emitter e) {
        return e.value(name, DType.F32, outputShape.prepend(batch), MemoryCategory.WORKSPACE);
    }

    /** A new tangent [K, B, output shape]. */
    public Value newTangent(Emitter e) {
        return e.value(
                name + ".tangent", DType.F32, outputShape.prepend(batch).prepend(probes), MemoryCategory.TANGENTS);
    }

    /** Values of the input per example. */
    public Shape inputShape(int i) {
        Shape full = inputs.get(i).shape();
        long[] extents = full.toArray();
        return Shape.of(java.util.Arrays.copyOfRange(extents, 1, extents.length));
    }

    /** A new cotangent of input i, [B, ...]. */
    public Value newCotangent(Emitter e, int i) {
        return e.value(
                name + ".input" + i + ".cotangent", DType.F32, inputs.get(i).shape(), MemoryCategory.WORKSPACE);
    }

    /** New tangents of the cotangent of input i, [K, B, ...]. */
    public Value newCotangentTangent(Emitter e, int i) {
        return e.value(
                name + ".input" + i + ".cotangent.tangent",
                DType.F32,
                inputs.get(i).shape().prepend(probes),
                MemoryCategory.TANGENTS);
    }
}
