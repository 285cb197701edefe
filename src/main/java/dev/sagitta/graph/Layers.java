package dev.sagitta.graph;

import dev.sagitta.graph.Parameter.Init;
import dev.sagitta.graph.op.elementwise.Activation;
import dev.sagitta.graph.op.elementwise.Add;
import dev.sagitta.graph.op.elementwise.Bias;
import dev.sagitta.graph.op.elementwise.Multiply;
import dev.sagitta.graph.op.elementwise.Relu;
import dev.sagitta.graph.op.embedding.Embedding;
import dev.sagitta.graph.op.gemm.Linear;
import dev.sagitta.graph.op.random.Dropout;
import dev.sagitta.graph.op.shape.Flatten;
import dev.sagitta.graph.op.shape.ToImage;
import dev.sagitta.kernel.Function;
import dev.sagitta.tensor.Shape;

/** Layers in one call each, for networks written in Java: sugar over {@link GraphBuilder#add}, which takes any op. Each returns the new node. */
public final class Layers {
    private Layers() {}

    /** y = x W' + b; the layer's parameters are {@code name.weight} [out, in] and {@code name.bias} [out]. */
    public static Node linear(GraphBuilder builder, String name, Node x, long out) {
        return linear(builder, name, x, out, true);
    }

    public static Node linear(GraphBuilder builder, String name, Node x, long out, boolean withBias) {
        if (x.shape().rank() < 1) {
            throw new IllegalArgumentException("linear '" + name + "': the input is a scalar, expected features");
        }
        long in = x.shape().extent(-1);
        Init init = Init.uniform(1 / Math.sqrt(Math.max(1, in)));
        Parameter weight = builder.parameter(Parameter.matrix(name + ".weight", Shape.of(out, in), init));
        Parameter bias = withBias ? builder.parameter(Parameter.vector(name + ".bias", Shape.of(out), init)) : null;
        return builder.add(name, new Linear(weight, bias), x);
    }

    /** y = x W' with the weight of an earlier layer or embedding table: tied. */
    public static Node linearTied(GraphBuilder builder, String name, Node x, String weight) {
        return builder.add(name, new Linear(builder.shared("linear '" + name + "'", weight), null), x);
    }

    public static Node bias(GraphBuilder builder, String name, Node x) {
        Shape features = Shape.of(x.shape().extent(-1));
        return builder.add(
                name, new Bias(builder.parameter(Parameter.vector(name + ".bias", features, Init.ZEROS))), x);
    }

    /** One row of {@code name.weight} [rows, width] per id. */
    public static Node embedding(GraphBuilder builder, String name, Node ids, long rows, long width) {
        // uniform with unit variance, PyTorch's N(0, 1) in its first two moments
        Init init = Init.uniform(Math.sqrt(3));
        Parameter table = builder.parameter(Parameter.matrix(name + ".weight", Shape.of(rows, width), init));
        return builder.add(name, new Embedding(table), ids);
    }

    public static Node activation(GraphBuilder builder, String name, Node x, Function function) {
        return builder.add(name, function == Function.RELU ? new Relu() : new Activation(function), x);
    }

    public static Node dropout(GraphBuilder builder, String name, Node x, float probability) {
        return builder.add(name, new Dropout(probability), x);
    }

    public static Node flatten(GraphBuilder builder, String name, Node x) {
        return builder.add(name, new Flatten(), x);
    }

    public static Node add(GraphBuilder builder, String name, Node a, Node b) {
        return builder.add(name, new Add(), a, b);
    }

    /** y = a b, elementwise. */
    public static Node multiply(GraphBuilder builder, String name, Node a, Node b) {
        return builder.add(name, new Multiply(), a, b);
    }

    /** The op that makes an image of an array, or an array of an image: {@link GraphBuilder} puts it where one is read as the other. */
    static Op turned(ArrayType type, boolean channelsLast) {
        return ToImage.of(type, channelsLast);
    }
}
