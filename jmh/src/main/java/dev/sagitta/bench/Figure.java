package dev.sagitta.bench;

import java.util.List;

/**
 * A figure that a comparison is to reach.
 *
 * @param key class and parameter of the benchmark
 * @param what it is, for people
 * @param share whether the figure is reference over measured, which should be high, or measured over reference, which should be low
 */
record Figure(String key, String what, String reference, boolean share, double target) {
    private static final String OPENBLAS = "OpenBLAS";
    private static final String FLOOR = "byte floor";
    private static final String GRADIENT = "gradient";

    static final List<Figure> ALL = List.of(
            atLeast("GemmRatio 1x1024x1024x1024", "fp32 GEMM 1024^3", OPENBLAS, 0.9),
            atLeast("GemmRatio 1x2048x2048x2048", "fp32 GEMM 2048^3", OPENBLAS, 0.9),
            atLeast("GemmRatio 16x256x512x512", "fp32 GEMM, 16 x 256 x 512 x 512", OPENBLAS, 0.8),
            atLeast("BandwidthRatio pack4", "pack 4 bit, 64 Mi", FLOOR, 0.6),
            atLeast("BandwidthRatio unpack4", "unpack 4 bit, 64 Mi", FLOOR, 0.6),
            atLeast("BandwidthRatio gelu_forward", "gelu, 64 Mi", FLOOR, 0.8),
            atLeast("BandwidthRatio add", "add, 64 Mi", FLOOR, 0.8),
            atLeast("BandwidthRatio sum", "sum, 64 Mi", FLOOR, 0.8),
            atLeast("BandwidthRatio norm", "norm, 64 Mi", FLOOR, 0.8),
            atLeast("BandwidthRatio dot", "dot, 64 Mi", FLOOR, 0.8),
            atLeast("BandwidthRatio max", "max, 64 Mi", FLOOR, 0.8),
            atLeast("BandwidthRatio qmatvec_w4", "W4 g64 matvec 4096 x 4096", FLOOR, 0.5),
            atMost("NetworkRatio hv8", "Hv at K = 8, per probe", GRADIENT, 2.2),
            atMost("NetworkRatio vhv8", "v'Hv at K = 8, per probe", GRADIENT, 1.2),
            atMost("NetworkRatio step4", "training step, activations in 4 bits", "exact step", 1.15),
            atMost("NetworkRatio lm_hv8", "LM: Hv at K = 8, per probe", GRADIENT, 2.0),
            atMost("NetworkRatio lm_vhv8", "LM: v'Hv at K = 8, per probe", GRADIENT, 1.2),
            atMost("NetworkRatio lm_step4", "LM: training step, activations in 4 bits", "exact step", 1.1));

    private static Figure atLeast(String key, String what, String reference, double target) {
        return new Figure(key, what, reference, true, target);
    }

    private static Figure atMost(String key, String what, String reference, double target) {
        return new Figure(key, what, reference, false, target);
    }

    double of(double measured, double reference) {
        return share ? reference / measured : measured / reference;
    }

    boolean reached(double figure) {
        return share ? figure >= target : figure <= target;
    }
}
