package dev.sagitta.bench;

import java.util.LinkedHashMap;
import java.util.Map;

/** Every kernel at the size at which it is timed, by name. */
final class Catalogue {
    private static final Map<String, Builder> ALL = new LinkedHashMap<>();

    static {
        ElementwiseWorkloads.add(ALL);
        ReductionWorkloads.add(ALL);
        CodecWorkloads.add(ALL);
        LossWorkloads.add(ALL);
        PackedWeightWorkloads.add(ALL);
        GemmWorkloads.add(ALL);
    }

    private Catalogue() {}

    /** All of them by name, and on a GPU sweeps over sizes; products by the vendor's library where it is there. */
    static Map<String, Builder> with(boolean gpu, boolean vendor) {
        Map<String, Builder> all = new LinkedHashMap<>(ALL);
        if (gpu) {
            PackedWeightWorkloads.addSweep(all);
            GemmWorkloads.addSweep(all, vendor);
        }
        return all;
    }

    /** Makes inputs on a device and binds the kernel to them. */
    interface Builder {
        Workload build(BenchDevice bench);
    }

    static Workload build(String name, BenchDevice bench) {
        Builder builder = ALL.get(name);
        if (builder == null) {
            throw new IllegalArgumentException("no kernel '" + name + "' in the catalogue; there are " + ALL.keySet());
        }
        return builder.build(bench);
    }

    /** Prints the names, as the parameter of {@link KernelBenchmark} lists them. */
    public static void main(String[] args) {
        System.out.println(String.join("\n", ALL.keySet()));
    }
}
