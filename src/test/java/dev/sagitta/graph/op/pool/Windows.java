package dev.sagitta.graph.op.pool;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.kernel.Window;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** Goes through the windows of a pool over images, channels last. */
final class Windows {
    private Windows() {}

    /** What becomes of the elements of a window that lie within the image. */
    interface Of {
        /** @param padded positions of the window within the padded image */
        Jet value(List<Jet> elements, int padded);
    }

    static Jet[] each(OpReference.At at, Jet[] x, Window v, Shape output, Of of) {
        Shape image = at.inputs().get(0).shape();
        int height = image.rank() == 2 ? 1 : (int) image.extent(0);
        int outHeight = output.rank() == 2 ? 1 : (int) output.extent(0);
        int width = (int) image.extent(-2);
        int channels = (int) image.extent(-1);
        List<Jet> y = new ArrayList<>();
        for (int n = 0; n < at.batch(); n++) {
            for (int i = 0; i < outHeight; i++) {
                for (int j = 0; j < output.extent(-2); j++) {
                    for (int c = 0; c < channels; c++) {
                        List<Jet> elements = new ArrayList<>();
                        int padded = 0;
                        for (int k = 0; k < v.height() * v.width(); k++) {
                            int h = i * v.strideHeight() - v.paddingHeight() + k / v.width() * v.dilationHeight();
                            int w = j * v.strideWidth() - v.paddingWidth() + k % v.width() * v.dilationWidth();
                            if (h < height + v.paddingHeight() && w < width + v.paddingWidth()) {
                                padded++;
                            }
                            if (h >= 0 && h < height && w >= 0 && w < width) {
                                elements.add(x[((n * height + h) * width + w) * channels + c]);
                            }
                        }
                        y.add(of.value(elements, padded));
                    }
                }
            }
        }
        return y.toArray(Jet[]::new);
    }
}
