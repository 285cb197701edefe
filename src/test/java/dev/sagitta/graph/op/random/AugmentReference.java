package dev.sagitta.graph.op.random;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Philox;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** An image is padded by zeros, a part of its size is cut out at a random place, and turned left to right by the toss of a coin; outside training y = x. */
public final class AugmentReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'augment','flip':true,'crop':1}", Shape.of(1, 1, 1))
                        .batch(2),
                Sample.of("{'type':'augment'}", Shape.of(2, 3, 2)),
                Sample.of("{'type':'augment','flip':true}", Shape.of(3, 4, 5)).batch(5),
                Sample.of("{'type':'augment','crop':3}", Shape.of(2, 5, 4)).batch(4),
                // shifted out of sight, sometimes
                Sample.of("{'type':'augment','flip':true,'crop':9}", Shape.of(1, 3, 7))
                        .batch(4),
                Sample.of("{'type':'augment','flip':true,'crop':4}", Shape.of(3, 32, 32))
                        .batch(64)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(new Refusal(
                Sample.of("{'type':'augment','flip':true}", Shape.of(784)),
                "augment",
                "[784], expected [channels, height, width]"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Augment op = at.op(Augment.class);
        if (at.draws() == null) {
            return new Jet[][] {in[0]};
        }
        Shape image = at.inputs().get(0).shape();
        int channels = (int) image.extent(0);
        int height = (int) image.extent(1);
        int width = (int) image.extent(2);
        int pad = op.crop();
        Draws draws = at.draws();
        Jet[] y = new Jet[in[0].length];
        for (int n = 0; n < at.batch(); n++) {
            int[] words = Philox.words(draws.seed(), draws.stream(), draws.step(), n);
            boolean turned = op.flip() && words[0] < 0;
            int top = place(words[1], pad);
            int left = place(words[2], pad);
            for (int c = 0; c < channels; c++) {
                int plane = (n * channels + c) * height;
                Jet[][] padded = new Jet[height + 2 * pad][width + 2 * pad];
                for (Jet[] row : padded) {
                    java.util.Arrays.fill(row, Jet.of(0));
                }
                for (int r = 0; r < height; r++) {
                    System.arraycopy(in[0], (plane + r) * width, padded[r + pad], pad, width);
                }
                for (int r = 0; r < height; r++) {
                    for (int w = 0; w < width; w++) {
                        int column = turned ? width - 1 - w : w;
                        y[(plane + r) * width + w] = padded[top + r][left + column];
                    }
                }
            }
        }
        return new Jet[][] {y};
    }

    /** Where the part begins, 0 to 2 pad. */
    private static int place(int word, int pad) {
        return (int) ((word & 0xFFFFFFFFL) * (2L * pad + 1) >>> 32);
    }
}
