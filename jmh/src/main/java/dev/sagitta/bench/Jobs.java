package dev.sagitta.bench;

import dev.sagitta.device.Stream;
import dev.sagitta.fixture.TimedBench;
import dev.sagitta.kernel.Step;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import java.util.Locale;
import java.util.Map;

/**
 * Whole jobs on networks of {@link TimedNetwork}: gradient, curvature products (eight probes at once, times are per probe), training steps
 * with exact and with compressed activations, inference from plain and from packed weights.
 */
final class Jobs {
    private Jobs() {}

    /** @param share of the step that counts: one of {@code share} probes */
    record Job(Workload.Builder builder, int share) {}

    static void add(Map<String, Job> all) {
        network(all, "job_", TimedNetwork.MLP, "4");
        network(all, "job_lm_", TimedNetwork.LANGUAGE_MODEL, "4");
        network(all, "job_convnet_", TimedNetwork.CONVNET, "4");
        network(all, "job_resnet20_", TimedNetwork.RESNET20, "4");
        for (TimedNetwork network : new TimedNetwork[] {TimedNetwork.ATTENTION, TimedNetwork.QUADRATIC}) {
            all.put(
                    "job_" + network.name().toLowerCase(Locale.ROOT) + "_hv_per_probe",
                    new Job(bench -> curvature(bench, network, Computation.HESSIAN_VECTOR), NetworkState.PROBES));
        }
        for (int batch : new int[] {TimedNetwork.MLP.batch(), 1}) {
            all.put("job_predict_fp32_b" + batch, new Job(bench -> inference(bench, batch, false), 1));
            all.put("job_predict_w4_b" + batch, new Job(bench -> inference(bench, batch, true), 1));
        }
    }

    private static void network(Map<String, Job> all, String prefix, TimedNetwork network, String bits) {
        all.put(prefix + "gradient", new Job(bench -> curvature(bench, network, Computation.GRADIENT), 1));
        all.put(
                prefix + "hv_per_probe",
                new Job(bench -> curvature(bench, network, Computation.HESSIAN_VECTOR), NetworkState.PROBES));
        all.put(
                prefix + "vhv_per_probe",
                new Job(bench -> curvature(bench, network, Computation.HESSIAN_QUADRATIC), NetworkState.PROBES));
        all.put(prefix + "step_exact", new Job(bench -> training(bench, network, "none"), 1));
        all.put(prefix + "step_" + bits + "bit", new Job(bench -> training(bench, network, bits), 1));
    }

    private static Workload curvature(TimedBench bench, TimedNetwork which, Computation computation) {
        NetworkState network = new NetworkState(bench, which);
        Program program = network.program(
                "none", Computation.GRADIENT, Computation.HESSIAN_VECTOR, Computation.HESSIAN_QUADRATIC);
        return job(run(program, computation), () -> network.verify(program));
    }

    private static Workload training(TimedBench bench, TimedNetwork which, String bits) {
        NetworkState network = new NetworkState(bench, which);
        Program packed = network.program("4", Computation.GRADIENT);
        Program exact = network.program("none", Computation.GRADIENT);
        // before the first update, so that both start from the same parameters
        network.verify(packed, exact);
        return job(network.trainingStep(bits.equals("none") ? exact : packed), () -> {});
    }

    private static Workload inference(TimedBench bench, int batch, boolean packed) {
        PackedNetwork network = new PackedNetwork(bench, batch);
        return job(run(packed ? network.packed() : network.plain(), Computation.PREDICT), network::verify);
    }

    private static Workload job(Step step, Runnable check) {
        return new Workload(new Step[] {step}, 0, 0, 0, check);
    }

    private static Step run(Program program, Computation computation) {
        return new Step() {
            @Override
            public void enqueue(Stream stream) {
                program.run(computation);
            }

            @Override
            public void close() {}
        };
    }
}
