package dev.sagitta.graph.op.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Element by element from PyTorch's formula, images channels last. */
public final class PixelShuffleReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'pixel_shuffle','factor':1}", Shape.of(1, 1, 1))
                        .batch(1),
                Sample.of("{'type':'pixel_shuffle','factor':2}", Shape.of(12, 3, 2)),
                Sample.of("{'type':'pixel_shuffle','factor':3}", Shape.of(9, 2, 5)),
                Sample.of("{'type':'pixel_unshuffle','factor':2}", Shape.of(3, 6, 4)),
                Sample.of("{'type':'pixel_unshuffle','factor':3}", Shape.of(1, 3, 6)),
                Sample.of("{'type':'pixel_shuffle','factor':2}", Shape.of(64, 16, 16))
                        .batch(16)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'pixel_shuffle','factor':2}", Shape.of(6, 3, 2)),
                        "pixel_shuffle: the input has shape [6, 3, 2], expected channels that are a multiple of 4"),
                new Refusal(
                        Sample.of("{'type':'pixel_unshuffle','factor':2}", Shape.of(6, 3, 2)),
                        "pixel_unshuffle: the input has shape [6, 3, 2], expected height and width that are multiples of 2"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        PixelShuffle op = at.op(PixelShuffle.class);
        int r = op.factor();
        Shape pixels =
                (op.back() ? at.inputs() : op.outputs(at.inputs())).get(0).shape();
        int height = (int) pixels.extent(0);
        int width = (int) pixels.extent(1);
        int channels = (int) pixels.extent(2);
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            int c = i % channels;
            int w = i / channels % width;
            int h = i / channels / width % height;
            int image = i / channels / width / height;
            int channel = c * r * r + h % r * r + w % r;
            int small = ((image * (height / r) + h / r) * (width / r) + w / r) * channels * r * r + channel;
            if (op.back()) {
                y[small] = in[0][i];
            } else {
                y[i] = in[0][small];
            }
        }
        return new Jet[][] {y};
    }
}
