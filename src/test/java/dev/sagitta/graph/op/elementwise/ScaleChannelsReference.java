package dev.sagitta.graph.op.elementwise;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = x g, g of the element's example and channel. */
public final class ScaleChannelsReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'scale_channels'}", Shape.of(1, 1, 1), Shape.of(1))
                        .batch(1),
                Sample.of("{'type':'scale_channels'}", Shape.of(3, 4, 2), Shape.of(3)),
                Sample.of("{'type':'scale_channels'}", Shape.of(33, 3, 3), Shape.of(33, 1, 1)),
                Sample.of("{'type':'scale_channels'}", Shape.of(17, 5), Shape.of(17)),
                // the composite that ends in it
                Sample.of("{'type':'squeeze_excitation','reduced':2}", Shape.of(4, 3, 2)),
                Sample.of(
                        "{'type':'squeeze_excitation','reduced':3,'activation':'silu','gate':'hardsigmoid','slope':0.2}",
                        Shape.of(5, 2, 2)),
                Sample.of("{'type':'scale_channels'}", Shape.of(64, 16, 16), Shape.of(64))
                        .batch(16)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'scale_channels'}", Shape.of(3, 4, 2), Shape.of(4)),
                        "scale_channels: inputs are [3, 4, 2] and [4], expected an image [channels, ...] and [channels]"),
                new Refusal(
                        Sample.of("{'type':'scale_channels'}", Shape.of(3, 4, 2), Shape.of(3, 2)),
                        "[3, 4, 2] and [3, 2], expected an image [channels, ...] and [channels]"),
                new Refusal(
                        Sample.of("{'type':'squeeze_excitation','reduced':2,'slope':0.2}", Shape.of(4, 3, 2)),
                        "field 'slope' is hardsigmoid's; leave it out, or make that the gate"),
                new Refusal(
                        Sample.of("{'type':'squeeze_excitation','reduced':2}", Shape.of(4)),
                        "squeeze_excitation: the input has shape [4], expected [channels, height, width]"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Jet[] y = new Jet[in[0].length];
        int channels = in[1].length / at.batch();
        int pixels = y.length / in[1].length;
        for (int i = 0; i < y.length; i++) {
            y[i] = in[0][i].times(in[1][i / channels / pixels * channels + i % channels]);
        }
        return new Jet[][] {y};
    }
}
