package dev.sagitta.graph.op;

import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.attention.Attention;
import dev.sagitta.graph.op.conv.Conv;
import dev.sagitta.graph.op.conv.ConvTranspose;
import dev.sagitta.graph.op.conv.SqueezeExcitation;
import dev.sagitta.graph.op.elementwise.Activation;
import dev.sagitta.graph.op.elementwise.Add;
import dev.sagitta.graph.op.elementwise.Bias;
import dev.sagitta.graph.op.elementwise.Multiply;
import dev.sagitta.graph.op.elementwise.Relu;
import dev.sagitta.graph.op.elementwise.Scale;
import dev.sagitta.graph.op.elementwise.ScaleChannels;
import dev.sagitta.graph.op.embedding.Embedding;
import dev.sagitta.graph.op.gemm.Linear;
import dev.sagitta.graph.op.gemm.Matmul;
import dev.sagitta.graph.op.norm.BatchNorm;
import dev.sagitta.graph.op.norm.GroupNorm;
import dev.sagitta.graph.op.norm.LayerNorm;
import dev.sagitta.graph.op.norm.RmsNorm;
import dev.sagitta.graph.op.norm.Softmax;
import dev.sagitta.graph.op.pool.AvgPool;
import dev.sagitta.graph.op.pool.GlobalAvgPool;
import dev.sagitta.graph.op.pool.MaxPool;
import dev.sagitta.graph.op.random.Augment;
import dev.sagitta.graph.op.random.Dropout;
import dev.sagitta.graph.op.resample.AdaptiveAvgPool;
import dev.sagitta.graph.op.resample.Pad;
import dev.sagitta.graph.op.resample.Upsample;
import dev.sagitta.graph.op.shape.ClassToken;
import dev.sagitta.graph.op.shape.Cls;
import dev.sagitta.graph.op.shape.Concat;
import dev.sagitta.graph.op.shape.Flatten;
import dev.sagitta.graph.op.shape.Mean;
import dev.sagitta.graph.op.shape.Permute;
import dev.sagitta.graph.op.shape.PixelShuffle;
import dev.sagitta.graph.op.shape.Position;
import dev.sagitta.graph.op.shape.Reshape;
import dev.sagitta.graph.op.shape.Slice;
import dev.sagitta.graph.op.shape.Split;
import dev.sagitta.graph.op.shape.Tokens;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The types of layers that a model may have. Immutable: {@code OpTypes.standard().with(MyOp.TYPE)}. */
public final class OpTypes {
    /** One line for each op. */
    private static final OpTypes STANDARD = new OpTypes(Stream.of(
                    List.of(Linear.TYPE),
                    List.of(Embedding.TYPE),
                    List.of(Bias.TYPE),
                    List.of(Dropout.TYPE),
                    List.of(Augment.TYPE),
                    List.of(Flatten.TYPE),
                    List.of(Reshape.TYPE),
                    List.of(Permute.TYPE),
                    List.of(Slice.TYPE),
                    List.of(Split.TYPE),
                    List.of(Concat.TYPE),
                    List.of(Cls.TYPE),
                    List.of(ClassToken.TYPE),
                    List.of(Tokens.TYPE),
                    List.of(Mean.TYPE),
                    List.of(Position.TYPE),
                    List.of(Matmul.TYPE),
                    List.of(Scale.TYPE),
                    List.of(Add.TYPE),
                    List.of(Attention.TYPE),
                    List.of(LayerNorm.TYPE),
                    List.of(RmsNorm.TYPE),
                    List.of(BatchNorm.TYPE),
                    List.of(GroupNorm.TYPE),
                    List.of(GroupNorm.INSTANCE_TYPE),
                    List.of(Conv.TYPE),
                    List.of(Conv.TYPE_1D),
                    List.of(MaxPool.TYPE),
                    List.of(MaxPool.TYPE_1D),
                    List.of(MaxPool.ADAPTIVE_TYPE),
                    List.of(AvgPool.TYPE),
                    List.of(AvgPool.TYPE_1D),
                    List.of(GlobalAvgPool.TYPE),
                    List.of(AdaptiveAvgPool.TYPE),
                    List.of(AdaptiveAvgPool.TYPE_1D),
                    List.of(Upsample.TYPE),
                    List.of(Upsample.TYPE_1D),
                    List.of(Pad.TYPE),
                    List.of(Pad.TYPE_1D),
                    List.of(ScaleChannels.TYPE),
                    List.of(SqueezeExcitation.TYPE),
                    List.of(PixelShuffle.TYPE),
                    List.of(PixelShuffle.BACK_TYPE),
                    List.of(ConvTranspose.TYPE),
                    List.of(ConvTranspose.TYPE_1D),
                    List.of(Softmax.TYPE),
                    List.of(Softmax.LOG_TYPE),
                    List.of(Multiply.TYPE),
                    List.of(Relu.TYPE),
                    Activation.TYPES)
            .flatMap(List::stream)
            .toList());

    private final Map<String, OpType> byName = new LinkedHashMap<>();

    private OpTypes(Collection<OpType> types) {
        for (OpType type : types) {
            if (byName.putIfAbsent(type.name(), type) != null) {
                throw new IllegalArgumentException(
                        "op type '" + type.name() + "' exists already; names must be unique");
            }
        }
    }

    /** Those of this library. */
    public static OpTypes standard() {
        return STANDARD;
    }

    /** These and one more. */
    public OpTypes with(OpType type) {
        List<OpType> more = new ArrayList<>(byName.values());
        more.add(type);
        return new OpTypes(more);
    }

    /** Null if there is none of this name. */
    public OpType get(String name) {
        return byName.get(name);
    }

    public Collection<OpType> all() {
        return Collections.unmodifiableCollection(byName.values());
    }
}
