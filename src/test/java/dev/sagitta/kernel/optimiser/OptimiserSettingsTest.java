package dev.sagitta.kernel.optimiser;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

/** Numbers that no training could use. */
class OptimiserSettingsTest {
    @Test
    void areRefusedByName() {
        assertThatThrownBy(() -> OptimiserSettings.adamW(1e-3, 0.9, 1, 1e-8, 0, 1, 1))
                .hasMessageContaining("beta2 1.0");
        assertThatThrownBy(() -> OptimiserSettings.adamW(1e-3, 0.9, 0.999, 1e-8, 0, 0, 1))
                .hasMessageContaining("step 0");
        assertThatThrownBy(() -> OptimiserSettings.sgd(Double.NaN, 0, false, 0, 1))
                .hasMessageContaining("learning rate NaN");
        assertThatThrownBy(() -> OptimiserSettings.sgd(0.1, 0, false, 0, 0)).hasMessageContaining("maximum norm 0.0");
    }
}
