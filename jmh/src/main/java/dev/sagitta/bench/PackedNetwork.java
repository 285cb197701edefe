package dev.sagitta.bench;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.fixture.TimedBench;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.kernel.packed.PackedWeights;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.kernel.packed.Quantize;
import dev.sagitta.kernel.random.Random;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.quant.QuantPlan;
import dev.sagitta.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;

/** A network for inference with weights in four bits, and the same one with those weights in fp32. */
final class PackedNetwork {
    private static final int BITS = 4;
    private static final int GROUP = 64;
    /** Of random steps: keeps activations near one. */
    private static final float STEP = 0.02f;
    /** Of the largest output: sums of 784 fp32 terms in two orders. */
    private static final double TOLERANCE = 1e-4;

    private final TimedBench bench;
    private final Program packed;
    private final Program plain;

    PackedNetwork(TimedBench bench, int batch) {
        this.bench = bench;
        Graph graph = TimedNetwork.MLP.graph();
        ProgramOptions options = ProgramOptions.of(batch, Computation.PREDICT);
        plain = bench.own(Program.compile(graph, bench.device(), options));
        Map<String, PackedWeights> weights = new HashMap<>();
        ProgramOptions bound = options;
        for (Parameter weight : QuantPlan.eligible(graph)) {
            PackedWeights stored = random(weight, weights.size());
            weights.put(weight.name(), stored);
            bench.once(Quantize.dequantize(stored, plain.tensor(weight.name())));
            bound = bound.bind(weight.name() + ".packed", stored.words())
                    .bind(weight.name() + ".scales", stored.scales());
        }
        Graph quantised = QuantPlan.uniform(graph, BITS, GROUP, true).apply(graph);
        packed = bench.own(Program.compile(quantised, bench.device(), bound));
        Tensor input = plain.tensor("input");
        bench.once(Random.normal(bench.state(), 4000, input));
        bench.stream().copy(packed.tensor("input").buffer(), 0, input.buffer(), 0, input.bytes());
    }

    private PackedWeights random(Parameter weight, int index) {
        long n = weight.shape().extent(0);
        long k = weight.shape().extent(1);
        QuantFormat format = new QuantFormat(BITS, GROUP, true);
        PackedWeights stored = PackedWeights.allocate(
                bench.device(), MemoryCategory.WEIGHTS, weight.name(), format, PackedWeights.Layout.PANELS, n, k);
        bench.own(stored.words().buffer());
        bench.own(stored.scales().buffer());
        Tensor uniform = bench.uniform("steps", stored.scales().shape().toArray());
        bench.once(Random.bits(bench.state(), 5000 + index, stored.words()));
        bench.once(Arithmetic.scale(STEP, uniform, stored.scales()));
        return stored;
    }

    Program packed() {
        return packed;
    }

    Program plain() {
        return plain;
    }

    /** Both give the same outputs: the weights are the same. */
    void verify() {
        packed.run(Computation.PREDICT);
        plain.run(Computation.PREDICT);
        float[] a = bench.floats(packed.tensor("output"));
        float[] b = bench.floats(plain.tensor("output"));
        double largest = 0;
        double difference = 0;
        for (int i = 0; i < a.length; i++) {
            largest = Math.max(largest, Math.abs(b[i]));
            difference = Math.max(difference, Math.abs((double) a[i] - b[i]));
        }
        // written so that NaN fails
        if (!(largest > 0.01 && difference <= TOLERANCE * largest)) {
            throw new IllegalStateException("outputs from packed and from plain weights differ by " + difference
                    + ", the largest is " + largest + ": a wrong network is not timed");
        }
    }
}
