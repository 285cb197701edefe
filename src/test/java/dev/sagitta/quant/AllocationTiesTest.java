package dev.sagitta.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class AllocationTiesTest {
    private static BitTable.Option option(int bits, double omega, long bytes) {
        return new BitTable.Option(bits, omega, bytes, bytes * 0.5);
    }

    /** A layer without curvature, one with it, and room: nobody is left with the fewest bits. */
    @Test
    void equalOmegasAreDecidedByTheError() {
        BitTable table = new BitTable(
                List.of(
                        new BitTable.Layer("flat", List.of(free(2, 20, 9), free(3, 30, 2), free(8, 80, 0.1))),
                        new BitTable.Layer("flatter", List.of(free(2, 20, 1), free(3, 30, 0.2), free(8, 80, 0.01))),
                        new BitTable.Layer("bent", List.of(option(2, 0.3, 20), option(8, 0.1, 80)))),
                List.of());
        assertThat(bits(table, 240)).isEqualTo(Map.of("flat", 8, "flatter", 8, "bent", 8));
        // omega comes first
        assertThat(bits(table, 120)).isEqualTo(Map.of("flat", 2, "flatter", 2, "bent", 8));
        // then the larger error: 2 + 1 and not 9 + 0.2
        assertThat(bits(table, 130)).isEqualTo(Map.of("flat", 3, "flatter", 2, "bent", 8));
    }

    private static BitTable.Option free(int bits, long bytes, double error) {
        return option(bits, 0, bytes).withError(error);
    }

    private static Map<String, Integer> bits(BitTable table, long most) {
        Map<String, Integer> bits = new HashMap<>();
        BitAllocation.minimise(table, BitAllocation.Limit.bytes(most))
                .choice()
                .forEach((name, option) -> bits.put(name, option.bits()));
        return bits;
    }

    @Test
    void withoutErrorsMoreBitsArePreferred() {
        BitTable table = new BitTable(
                List.of(new BitTable.Layer("a", List.of(option(2, 1, 10), option(3, 0.5, 20), option(8, 0.5, 80)))),
                List.of());
        assertThat(bits(table, 80)).isEqualTo(Map.of("a", 8));
        assertThat(bits(table, 79)).isEqualTo(Map.of("a", 3));
    }

    /** Hundreds of layers, none of which matters: all the room goes to the errors. */
    @Test
    void aTableWithoutCurvatureIsSolvedByItsErrors() {
        BitTable measured = BitAllocationTest.measured(5, 300);
        BitTable flat = new BitTable(
                measured.layers().stream()
                        .map(layer -> new BitTable.Layer(
                                layer.name(),
                                layer.options().stream()
                                        .map(o -> new BitTable.Option(
                                                o.bits(), 0, o.bytes(), o.cost(), o.costs(), o.omega()))
                                        .toList()))
                        .toList(),
                List.of());
        BitAllocation.Limit limit = BitAllocationTest.limits(measured, 0.2)[0];
        Map<String, BitTable.Option> byError =
                BitAllocation.minimise(flat, limit).choice();
        double error =
                byError.values().stream().mapToDouble(BitTable.Option::error).sum();
        assertThat(error).isCloseTo(BitAllocation.minimise(measured, limit).omega(), Percentage.withPercentage(1e-9));
    }
}
