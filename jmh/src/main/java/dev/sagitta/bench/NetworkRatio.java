package dev.sagitta.bench;

import dev.sagitta.device.Stream;
import dev.sagitta.fixture.TimedBench;
import dev.sagitta.kernel.Step;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A network of {@link TimedNetwork}. {@code hv8}: a Hessian-vector product per probe, eight at once, against a gradient. {@code vhv8}: v' H v
 * likewise. {@code step4}: a training step with AdamW that stores activations in four bits, against the same with exact ones.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@Fork(1)
@Warmup(iterations = 2)
@Measurement(iterations = 15)
public class NetworkRatio {
    @Param({"hv8", "vhv8", "step4", "lm_hv8", "lm_vhv8", "lm_step4", "resnet20_hv8", "resnet20_vhv8", "resnet20_step4"})
    public String figure;

    private static final Map<String, TimedNetwork> OTHERS =
            Map.of("lm_", TimedNetwork.LANGUAGE_MODEL, "resnet20_", TimedNetwork.RESNET20);

    private NetworkState state;
    private Round.Calls measured;
    private Round.Calls reference;
    private int share;

    @Setup(Level.Trial)
    public void open() {
        TimedBench bench = new TimedBench();
        String prefix = figure.substring(0, figure.indexOf('_') + 1);
        String what = figure.substring(prefix.length());
        state = new NetworkState(bench, OTHERS.getOrDefault(prefix, TimedNetwork.MLP));
        Stream stream = bench.stream();
        if (what.equals("step4")) {
            share = 1;
            Program compressed = state.program("4", Computation.GRADIENT);
            Program exact = state.program("none", Computation.GRADIENT);
            state.verify(compressed, exact);
            measured = calls(stream, state.trainingStep(compressed));
            reference = calls(stream, state.trainingStep(exact));
            return;
        }
        share = NetworkState.PROBES;
        Program program =
                state.program("none", Computation.GRADIENT, Computation.HESSIAN_VECTOR, Computation.HESSIAN_QUADRATIC);
        state.verify(program);
        Computation product = what.equals("hv8") ? Computation.HESSIAN_VECTOR : Computation.HESSIAN_QUADRATIC;
        measured = calls(stream, program, product);
        reference = calls(stream, program, Computation.GRADIENT);
    }

    private static Round.Calls calls(Stream stream, Program program, Computation computation) {
        return count -> {
            for (int i = 0; i < count; i++) {
                program.run(computation);
            }
            stream.synchronize();
        };
    }

    private static Round.Calls calls(Stream stream, Step step) {
        return count -> {
            for (int i = 0; i < count; i++) {
                step.enqueue(stream);
            }
            stream.synchronize();
        };
    }

    @TearDown(Level.Trial)
    public void close() throws Exception {
        state.close();
    }

    @Benchmark
    public void network(Round round) {
        double ours = Round.seconds(measured) / share;
        round.record(ours, Round.seconds(reference));
    }
}
