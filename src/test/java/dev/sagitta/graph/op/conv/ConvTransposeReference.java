package dev.sagitta.graph.op.conv;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.kernel.Window;
import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.List;

/** Input by input, each of which adds its window to the output. */
public final class ConvTransposeReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'conv_transpose2d','out':2,'kernel':1}", Shape.of(1, 1, 1))
                        .batch(1),
                Sample.of("{'type':'conv_transpose2d','out':5,'kernel':1}", Shape.of(3, 2, 4)),
                Sample.of("{'type':'conv_transpose2d','out':2,'kernel':2,'stride':2,'bias':false}", Shape.of(3, 3, 4)),
                Sample.of(
                                "{'type':'conv_transpose2d','out':3,'kernel':3,'stride':2,'padding':1,'output_padding':1}",
                                Shape.of(2, 3, 4))
                        .batch(2),
                Sample.of(
                                "{'type':'conv_transpose2d','out':4,'kernel':[2,3],'stride':[1,3],'padding':[0,1],'dilation':[3,1],"
                                        + "'output_padding':[2,1],'groups':2}",
                                Shape.of(6, 2, 3))
                        .batch(2),
                Sample.of(
                        "{'type':'conv_transpose2d','out':5,'kernel':4,'stride':2,'padding':1,'groups':5}",
                        Shape.of(5, 3, 2)),
                Sample.of("{'type':'conv_transpose1d','out':3,'kernel':1}", Shape.of(2, 5)),
                Sample.of(
                        "{'type':'conv_transpose1d','out':4,'kernel':4,'stride':3,'padding':2,'output_padding':2}",
                        Shape.of(3, 4)),
                Sample.of(
                                "{'type':'conv_transpose2d','out':32,'kernel':4,'stride':2,'padding':1}",
                                Shape.of(64, 16, 16))
                        .batch(32)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'conv_transpose2d','out':2,'kernel':3}", Shape.of(3, 7)),
                        "conv_transpose2d",
                        "[3, 7]",
                        "expected [channels, height, width]"),
                new Refusal(
                        Sample.of("{'type':'conv_transpose2d','out':2,'kernel':2,'padding':[1,2]}", Shape.of(3, 2, 3)),
                        "the output of [3, 2, 3] would be 1 x 0 with padding 1 x 2",
                        "pad less"),
                new Refusal(
                        Sample.of(
                                "{'type':'conv_transpose2d','out':2,'kernel':2,'stride':2,'output_padding':2}",
                                Shape.of(3, 2, 3)),
                        "output_padding is 2, with stride 2 and dilation 1",
                        "expected less than the larger"),
                new Refusal(
                        Sample.of(
                                "{'type':'conv_transpose1d','out':2,'kernel':2,'output_padding':[0,0]}",
                                Shape.of(3, 2)),
                        "output_padding is [0, 0], expected one number or 1"),
                new Refusal(
                        Sample.of("{'type':'conv_transpose2d','out':4,'kernel':1,'groups':2}", Shape.of(3, 2, 2)),
                        "groups is 2, which does not divide 3 input and 4 output channels"),
                new Refusal(Sample.of("{'type':'conv_transpose2d','out':4}", Shape.of(3, 2, 2)), "'kernel' is missing"),
                new Refusal(Sample.of("{'type':'conv_transpose1d','kernel':4}", Shape.of(3, 2)), "'out' is missing"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        ConvTranspose op = at.op(ConvTranspose.class);
        Shape image = at.inputs().get(0).shape();
        Shape result = op.outputs(at.inputs()).get(0).shape();
        int outputs = (int) result.extent(-1);
        Jet[] y = new Jet[at.batch() * (int) result.elements()];
        Arrays.setAll(y, i -> op.bias() == null ? Jet.of(0) : in[2][i % outputs]);
        for (int n = 0; n < at.batch(); n++) {
            add(
                    in[0],
                    n * (int) image.elements(),
                    image,
                    in[1],
                    op.groups(),
                    op.window(),
                    y,
                    n * (int) result.elements(),
                    result);
        }
        return new Jet[][] {y};
    }

    private static void add(
            Jet[] x, int from, Shape image, Jet[] w, int groups, Window window, Jet[] y, int to, Shape result) {
        int width = (int) image.extent(-2);
        int channels = (int) image.extent(-1);
        int outHeight = result.rank() == 2 ? 1 : (int) result.extent(0);
        int outWidth = (int) result.extent(-2);
        int outputs = (int) result.extent(-1);
        int each = outputs / groups;
        int taps = window.height() * window.width();
        for (int i = 0; i < image.elements(); i++) {
            int c = i % channels;
            int top = i / channels / width * window.strideHeight() - window.paddingHeight();
            int left = i / channels % width * window.strideWidth() - window.paddingWidth();
            for (int k = 0; k < taps; k++) {
                int p = top + k / window.width() * window.dilationHeight();
                int q = left + k % window.width() * window.dilationWidth();
                if (p < 0 || p >= outHeight || q < 0 || q >= outWidth) {
                    continue;
                }
                for (int o = 0; o < each; o++) {
                    int at = to + (p * outWidth + q) * outputs + c / (channels / groups) * each + o;
                    y[at] = y[at].plus(x[from + i].times(w[(c * each + o) * taps + k]));
                }
            }
        }
    }
}
