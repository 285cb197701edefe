package dev.sagitta.graph.op.conv;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.kernel.Window;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** Output by output, as the definition reads. */
public final class ConvReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'conv2d','out':1,'kernel':1}", Shape.of(1, 1, 1))
                        .batch(1),
                Sample.of("{'type':'conv2d','out':5,'kernel':1}", Shape.of(3, 2, 4)),
                Sample.of("{'type':'conv2d','out':7,'kernel':1,'stride':2,'bias':false}", Shape.of(5, 5, 4)),
                Sample.of("{'type':'conv2d','out':3,'kernel':3,'padding':1}", Shape.of(2, 5, 7)),
                Sample.of("{'type':'conv2d','out':17,'kernel':3,'padding':1,'bias':false}", Shape.of(3, 4, 3))
                        .batch(2),
                Sample.of("{'type':'conv2d','out':4,'kernel':3,'padding':1,'stride':2}", Shape.of(3, 7, 6)),
                Sample.of(
                                "{'type':'conv2d','out':2,'kernel':[3,2],'padding':[2,0],'stride':[1,3],'dilation':[2,1]}",
                                Shape.of(3, 6, 8))
                        .batch(2),
                Sample.of("{'type':'conv2d','out':6,'kernel':3,'padding':1,'groups':6}", Shape.of(6, 4, 5)),
                Sample.of("{'type':'conv2d','out':6,'kernel':5,'stride':2,'padding':2,'groups':3}", Shape.of(3, 6, 5))
                        .batch(2),
                Sample.of("{'type':'conv2d','out':4,'kernel':3,'groups':2}", Shape.of(6, 4, 4)),
                Sample.of("{'type':'conv1d','out':3,'kernel':1}", Shape.of(2, 5)),
                Sample.of("{'type':'conv1d','out':5,'kernel':4,'padding':2,'stride':2,'dilation':2}", Shape.of(3, 11)),
                Sample.of("{'type':'conv2d','out':64,'kernel':3,'padding':1,'bias':false}", Shape.of(64, 56, 56))
                        .batch(16)
                        .timed(),
                Sample.of("{'type':'conv2d','out':32,'kernel':3,'stride':2,'padding':1}", Shape.of(16, 32, 32))
                        .batch(64)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'conv2d','out':2,'kernel':3}", Shape.of(3, 7)),
                        "conv2d",
                        "[3, 7]",
                        "expected [channels, height, width]"),
                new Refusal(
                        Sample.of("{'type':'conv2d','out':2,'kernel':5,'padding':1}", Shape.of(3, 2, 7)),
                        "a window of 5 x 5",
                        "does not fit into [3, 2, 7] with padding 1 x 1"),
                new Refusal(
                        Sample.of("{'type':'conv2d','out':4,'kernel':1,'groups':2}", Shape.of(3, 2, 2)),
                        "groups is 2, which does not divide 3 input and 4 output channels"),
                new Refusal(
                        Sample.of("{'type':'conv2d','out':4,'kernel':[1,2,3]}", Shape.of(3, 2, 2)),
                        "kernel is [1, 2, 3], expected one number or 2"),
                new Refusal(Sample.of("{'type':'conv2d','out':4}", Shape.of(3, 2, 2)), "'kernel' is missing"),
                new Refusal(Sample.of("{'type':'conv1d','kernel':4}", Shape.of(3, 2)), "'out' is missing"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Conv op = at.op(Conv.class);
        return new Jet[][] {
            convolve(
                    at,
                    in[0],
                    in[1],
                    op.bias() == null ? null : in[2],
                    op.weight().shape(),
                    op.groups(),
                    op.window())
        };
    }

    static Jet[] convolve(At at, Jet[] x, Jet[] w, Jet[] bias, Shape weight, int groups, Window window) {
        Shape image = at.inputs().get(0).shape();
        int height = image.rank() == 2 ? 1 : (int) image.extent(0);
        int width = (int) image.extent(-2);
        int channels = (int) image.extent(-1);
        int outputs = (int) weight.extent(0);
        int inner = channels / groups;
        int taps = window.height() * window.width();
        List<Jet> y = new ArrayList<>();
        for (int n = 0; n < at.batch(); n++) {
            for (int p = 0; p < window.outputHeight(height); p++) {
                for (int q = 0; q < window.outputWidth(width); q++) {
                    for (int o = 0; o < outputs; o++) {
                        Jet sum = bias == null ? Jet.of(0) : bias[o];
                        for (int k = 0; k < taps; k++) {
                            int i = p * window.strideHeight()
                                    - window.paddingHeight()
                                    + k / window.width() * window.dilationHeight();
                            int j = q * window.strideWidth()
                                    - window.paddingWidth()
                                    + k % window.width() * window.dilationWidth();
                            if (i >= 0 && i < height && j >= 0 && j < width) {
                                int first = ((n * height + i) * width + j) * channels + o * groups / outputs * inner;
                                sum = sum.plus(Jet.dot(x, first, 1, w, o * inner * taps + k, taps, inner));
                            }
                        }
                        y.add(sum);
                    }
                }
            }
        }
        return y.toArray(Jet[]::new);
    }
}
