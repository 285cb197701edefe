package dev.sagitta.curvature;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Parameter;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.Random;
import dev.sagitta.kernel.Step;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.function.BiFunction;

/** Fills an operator's vectors with random numbers, parameter by parameter: the gaps between parameters stay zero. */
final class Probes {
    private final CurvatureOperator operator;

    Probes(CurvatureOperator operator) {
        this.operator = operator;
    }

    /** Independent +1 and -1 in every component. */
    void rademacher(long seed, long round) {
        fill(
                seed,
                round,
                operator.layout().parameters(),
                (state, slot) -> Random.rademacher(state, slot.stream(), slot.out()));
    }

    /** The same in one parameter, zeros elsewhere. */
    void rademacher(long seed, long round, Parameter only) {
        operator.stream()
                .fill(operator.vectors().buffer(), 0, operator.vectors().bytes(), (byte) 0);
        fill(seed, round, List.of(only), (state, slot) -> Random.rademacher(state, slot.stream(), slot.out()));
    }

    /** Independent standard normal components. */
    void normal(long seed, long round) {
        fill(
                seed,
                round,
                operator.layout().parameters(),
                (state, slot) -> Random.normal(state, slot.stream(), slot.out()));
    }

    private record Slot(int stream, Tensor out) {}

    private void fill(long seed, long round, List<Parameter> parameters, BiFunction<Tensor, Slot, Preparable> kernel) {
        ParameterLayout layout = operator.layout();
        try (Buffer memory = operator.device().allocate(16, MemoryCategory.WORKSPACE, "probe counters")) {
            Tensor state = new Tensor("probe counters", memory, DType.U32, Shape.of(4));
            state.upload(
                    operator.stream(), new int[] {(int) seed, (int) (seed >>> 32), (int) round, (int) (round >>> 32)});
            for (Parameter parameter : parameters) {
                long elements = operator.probes() * parameter.elements();
                long offset = operator.probes() * layout.offset(parameter) * Float.BYTES;
                try (Buffer slice =
                                operator.vectors().buffer().slice(offset, elements * Float.BYTES, parameter.name());
                        Step step = kernel.apply(
                                        state,
                                        new Slot(
                                                layout.parameters().indexOf(parameter),
                                                new Tensor(parameter.name(), slice, DType.F32, Shape.of(elements))))
                                .prepare(operator.device())) {
                    step.enqueue(operator.stream());
                    operator.stream().synchronize();
                }
            }
        }
    }
}
