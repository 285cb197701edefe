package dev.sagitta.kernel.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** The reference against central differences of its own loss: what the kernels are compared with is itself right. */
class CrossEntropyReferenceTest {
    private static final int N = 5;
    private static final int C = 7;
    private static final double H = 1e-5;
    private static final int[] LABELS = {3, 0, -1, 6, 2};

    private final Random random = new Random(7);
    private final double[] z = random.doubles(N * C, -2, 2).toArray();
    private final double[] t = random.doubles(N * C, -1, 1).toArray();

    private CrossEntropyReference moved(double step) {
        double[] moved = z.clone();
        for (int i = 0; i < moved.length; i++) {
            moved[i] += step * t[i];
        }
        return new CrossEntropyReference(moved, LABELS, C, -1);
    }

    @Test
    void gradientAndTangentAreTheSlopeOfTheLoss() {
        double slope = (moved(H).loss() - moved(-H).loss()) / (2 * H);
        double[] gradient = moved(0).gradient(false);
        double product = 0;
        for (int i = 0; i < t.length; i++) {
            product += gradient[i] * t[i];
        }
        assertThat(product).isCloseTo(slope, within(1e-9));
        assertThat(moved(0).tangent(t, false)).isCloseTo(slope, within(1e-9));
    }

    @Test
    void hessianIsTheSlopeOfTheGradient() {
        double[] above = moved(H).gradient(false);
        double[] below = moved(-H).gradient(false);
        double[] product = moved(0).hessian(t, false);
        double curvature = 0;
        for (int i = 0; i < t.length; i++) {
            double slope = (above[i] - below[i]) / (2 * H);
            assertThat(product[i]).isCloseTo(slope, within(1e-9));
            curvature += t[i] * slope;
        }
        assertThat(moved(0).curvature(t, false)).isCloseTo(curvature, within(1e-9));
    }
}
