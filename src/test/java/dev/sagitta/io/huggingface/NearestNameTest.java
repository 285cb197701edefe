package dev.sagitta.io.huggingface;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearestNameTest {
    private static final int ANY = Integer.MAX_VALUE;

    @Test
    void distancesAreEdits() {
        assertThat(NearestName.distance("kitten", "sitting", ANY)).isEqualTo(3);
        assertThat(NearestName.distance("", "abc", ANY)).isEqualTo(3);
        assertThat(NearestName.distance("abc", "", ANY)).isEqualTo(3);
        assertThat(NearestName.distance("flaw", "lawn", ANY)).isEqualTo(2);
        assertThat(NearestName.distance("same", "same", ANY)).isZero();
    }

    @Test
    void theNearestIsTheFirstOfTheLeast() {
        assertThat(NearestName.of("gate_prj", List.of("up_proj", "gate_proj", "gate_pro")))
                .isEqualTo("gate_proj");
        assertThat(NearestName.of("a", List.of())).isNull();
        assertThat(NearestName.of("gate_proj", List.of("x", "norm"))).isNull();
        assertThat(NearestName.of("a".repeat(300), List.of("b"))).isNull();
    }
}
