package dev.sagitta.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.graph.Field;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.train.optimiser.AdamW;
import dev.sagitta.train.optimiser.OptimiserOptions;
import dev.sagitta.train.optimiser.OptimiserType;
import dev.sagitta.train.optimiser.Optimisers;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What every optimiser has to give, and what files say of them. */
class OptimisersTest {
    static List<OptimiserType> types() {
        return Optimisers.all();
    }

    private static TrainingState state(OptimiserOptions optimiser) {
        TrainingOptions options = new TrainingOptions(7, optimiser, "auto:2", Long.MIN_VALUE);
        return new TrainingState(12, 84, 90, options, Map.of("fc2", 2), Map.of("fc2", 1.1f));
    }

    private static TrainingState parse(String json) {
        return TrainingState.parse(JsonInput.parse(json, "test"));
    }

    @ParameterizedTest
    @MethodSource("types")
    void stateComesBackFromItsJson(OptimiserType type) {
        OptimiserOptions options =
                OptimiserOptions.of(type).rate(0.3).weightDecay(0.07).clip(2.5);
        for (Field<Double> field : type.fields()) {
            options = options.with(field.name(), field.absent() / 2);
        }
        assertThat(parse(state(options).toJson())).isEqualTo(state(options));
        OptimiserOptions unclipped = OptimiserOptions.of(type);
        assertThat(parse(state(unclipped).toJson())).isEqualTo(state(unclipped));
        assertThat(Optimisers.find(type.name())).contains(type);
    }

    /** A rule whose settings change with the step has to say so: what is changed in place is what would be made anew. */
    @ParameterizedTest
    @MethodSource("types")
    void settingsOfAnotherStepAreThoseMadeForIt(OptimiserType type) {
        OptimiserOptions options = OptimiserOptions.of(type);
        float[] settings = options.settings(1);
        for (long step : new long[] {2, 3, 1000}) {
            options.settings(step, settings);
            assertThat(settings).containsExactly(options.settings(step));
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void numbersOfNoUseAreRefused(OptimiserType type) {
        OptimiserOptions options = OptimiserOptions.of(type);
        assertThatThrownBy(() -> options.rate(Double.NaN)).hasMessageContaining("learning rate NaN");
        assertThatThrownBy(() -> options.clip(0)).hasMessageContaining("maximum norm 0.0");
        for (Field<Double> field : type.fields()) {
            assertThatThrownBy(() -> options.with(field.name(), -1)).hasMessageContaining("-1.0, expected");
        }
        assertThatThrownBy(() -> options.with("warmth", 1))
                .hasMessageContaining(type.name() + " has no setting 'warmth'; its settings: [");
    }

    @Test
    void aFileNamesWhatItHas() {
        String json = state(OptimiserOptions.adamW(0.01)).toJson();
        assertThatThrownBy(() -> parse(json.replace("adamw", "lion")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("type 'lion', expected adamw or sgd");
        assertThatThrownBy(() -> parse(json.replace(AdamW.BETA2.name(), "beta3")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("beta2");
        assertThatThrownBy(() -> parse(json.replace("\"beta1\":0.9", "\"beta1\":1.0")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("beta1 1.0, expected a number from 0.0 to 0.99");
    }
}
