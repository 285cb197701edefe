package dev.sagitta.graph;

import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Curvature;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.kernel.packed.QuantFormat;
import java.util.List;

/**
 * An operation y = f(x..., w...) in five modes, for K probes at once. B examples and K probes are leading axes: values are [B, ...],
 * tangents [K, B, ...]. A null tangent or cotangent stands for zero.
 *
 * <p>Each mode sees what is valid in it and nothing else: what a later pass reads of the forward one is what {@link #keeps} lists. Most ops need not write
 * five modes: see {@code graph.op.LinearOp}, {@code BilinearOp}, {@code PointwiseOp}.
 *
 * <p>Pearlmutter, "Fast exact multiplication by the Hessian", 1994, for the idea; the rules of each op stand in its file.
 */
public interface Op {
    /** The type in a model's JSON. */
    String type();

    /**
     * What it gives for inputs of these types, of one example.
     *
     * @throws IllegalArgumentException if it cannot read them
     */
    List<ArrayType> outputs(List<ArrayType> inputs);

    default List<Parameter> parameters() {
        return List.of();
    }

    /** How it takes images: {@link GraphBuilder} gives it what it can read. */
    default Images images() {
        return Images.AS_ARRAYS;
    }

    /** What an op does with images, whose channels are last in memory ({@link ArrayType}). */
    enum Images {
        /** It reads arrays as users know them: an image is turned to [channels, ...] first. */
        AS_ARRAYS,
        /** Its output's elements follow from its inputs' elements at the same place, of images as of arrays; its output's type is its first input's. */
        BY_ELEMENTS,
        /** It reads images or arrays, all inputs alike: arrays become images where one is an image. */
        EITHER,
        /** It reads images, and arrays of the same rank are turned into such. */
        CHANNELS_LAST,
        /** The first input is an image, the others are arrays. */
        CHANNELS_LAST_FIRST
    }

    /** What later passes read of the forward pass. */
    default List<Keep> keeps() {
        return List.of();
    }

    /**
     * The input whose value an output is, under another shape perhaps ({@code Forward.pass}); -1 for a value of its own.
     *
     * @param training whether dropout drops
     */
    default int passes(int output, boolean training) {
        return -1;
    }

    /**
     * Whether it has one input and one output, and each row of the output (the last axis) follows from that row of the input alone: it can be given some rows
     * of a batch as if they were examples.
     */
    default boolean ofRows() {
        return false;
    }

    /** Whether the cotangent of an output meets what is kept on its way: not where an input receives it as it is. */
    default boolean readsKept(int output) {
        return true;
    }

    /** Ids of input 0 are below this; 0 for an op that reads no ids. */
    default long idLimit() {
        return 0;
    }

    /** The weight that could be stored in few bits, as {@link #packed} reads it; null if there is none. */
    default Parameter packable() {
        return null;
    }

    /** The same op over its weight in few bits. */
    default Op packed(QuantFormat format) {
        throw new IllegalArgumentException(type() + " has no weight that can be packed");
    }

    /**
     * The same op where positions of a sequence come one by one: this one if each position has its row of the input and of the output and nothing to do with
     * others. See {@link Decoding}.
     *
     * @param longest positions that can follow one another
     * @throws IllegalArgumentException if it needs positions that are not there yet, or has no room for so many
     */
    default Op decoding(int longest) {
        return this;
    }

    /** Outputs from inputs and parameters, and what {@link #keeps} says of its own. */
    void forward(Forward f);

    /** Cotangents of the inputs that are wanted, and gradients of parameters. */
    void backward(Backward b);

    /** Tangents of outputs from tangents of inputs and parameters. */
    void tangent(Tangent t);

    /** Tangents of what {@link #backward} computes; with a null primal cotangent, the backward of K cotangents (Gauss-Newton). */
    void tangentBackward(TangentBackward b);

    /** Writes to {@code c.sum()} the K numbers {@code <cotangent, f''[t, t]>}, t the tangents of inputs and parameters; nothing if f'' is zero. */
    default void curvature(Curvature c) {}
}
