package dev.sagitta.bench;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What kernels on a machine cannot pass, measured in a run ({@link Ceilings}) or known of a kind of GPU.
 *
 * @param name of the GPU, found in the name of a device
 * @param copy GB/s of a large copy, read and written bytes both counted
 * @param read GB/s where nothing is written to speak of
 * @param fp32 GFLOP/s of plain fp32 products
 * @param tf32 GFLOP/s of fp32 factors rounded to TF32
 * @param bf16 GFLOP/s of bf16 factors
 * @param instructions 10^9 per second, of single threads, that the schedulers issue
 */
record Machine(String name, double copy, double read, double fp32, double tf32, double bf16, double instructions) {
    /** 132 multiprocessors that issue four warp instructions per cycle, at the clock that they keep under load. */
    private static final double HOPPER_INSTRUCTIONS = 132 * 4 * 32 * 1.755;

    /** Copy and bf16 products (8192^3, random data) measured on such machines, fp32 by the datasheet, TF32 half of bf16. */
    static final List<Machine> KNOWN = List.of(
            new Machine("H100", 3000, 3000, 67_000, 399_000, 798_000, HOPPER_INSTRUCTIONS),
            new Machine("H200", 4300, 4300, 67_000, 395_000, 790_000, HOPPER_INSTRUCTIONS));

    static Optional<Machine> named(String device) {
        String upper = device.toUpperCase(Locale.ROOT);
        return KNOWN.stream().filter(machine -> upper.contains(machine.name)).findFirst();
    }

    /** GB/s that a kernel can have at most. */
    double bandwidth(Prediction.Rule rule) {
        return rule.reads() ? Math.max(read, copy) : copy;
    }

    /** GFLOP/s that a kernel can have at most. */
    double peak(Prediction.Rule rule) {
        return switch (rule.cores()) {
            case FP32 -> fp32;
            case TF32 -> tf32;
            case BF16 -> bf16;
        };
    }

    /** Microseconds that bytes and operations take at least. */
    double floor(Prediction.Rule rule, Workload work) {
        return Math.max(memoryMicros(rule, work), coreMicros(rule, work));
    }

    /** Which of the two the floor is; empty where there is neither. */
    String limit(Prediction.Rule rule, Workload work) {
        if (work.bytes() == 0 && work.flops() == 0) {
            return "";
        }
        return memoryMicros(rule, work) >= coreMicros(rule, work)
                ? "memory"
                : rule.cores().name().toLowerCase(Locale.ROOT);
    }

    double memoryMicros(Prediction.Rule rule, Workload work) {
        return 1e-3 * work.bytes() / bandwidth(rule);
    }

    double coreMicros(Prediction.Rule rule, Workload work) {
        return 1e-3 * work.flops() / peak(rule);
    }
}
