package dev.sagitta.cli.demo;

import dev.sagitta.cli.Progress;
import dev.sagitta.cli.WatchedOperator;
import dev.sagitta.curvature.estimator.Estimate;
import dev.sagitta.curvature.estimator.HutchinsonTrace;
import dev.sagitta.curvature.estimator.Lanczos;
import dev.sagitta.curvature.operator.NetworkOperator;
import dev.sagitta.device.Device;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Rows;
import java.util.ArrayList;
import java.util.List;

/**
 * Trace per layer and largest eigenvalues of the loss's Hessian.
 *
 * @param traces as the bits of weights are chosen by
 * @param result as it is reported
 */
record CurvatureMeasurement(HutchinsonTrace.Result traces, DemoResult.Curvature result) {
    private static final int PROBES_AT_ONCE = 8;
    /** Of a batch: labels that count. */
    private static final int ROWS = 256;
    /** As many digits as the report shows. */
    private static final double TOLERANCE = 1e-2;

    static CurvatureMeasurement of(
            DemoSettings settings, Graph graph, Device device, Weights network, Rows rows, Progress progress) {
        HutchinsonTrace.Result trace;
        try (NetworkOperator operator =
                        operator(settings, graph, device, network, rows, Math.min(PROBES_AT_ONCE, settings.probes()));
                Progress.Bar bar = progress.start(
                        "trace of the Hessian", (settings.probes() + PROBES_AT_ONCE - 1) / PROBES_AT_ONCE)) {
            trace = HutchinsonTrace.joint(settings.probes())
                    .estimate(new WatchedOperator(operator, bar), settings.seed());
        }
        Lanczos.Result spectrum;
        try (NetworkOperator operator = operator(settings, graph, device, network, rows, 1);
                Progress.Bar bar = progress.start("largest eigenvalues", settings.lanczosSteps())) {
            spectrum = new Lanczos(settings.lanczosSteps(), TOLERANCE)
                    .largest(new WatchedOperator(operator, bar), settings.eigenvalues(), settings.seed());
        }
        List<DemoResult.LayerTrace> layers = new ArrayList<>();
        for (int i = 0; i < trace.parameters().size(); i++) {
            Parameter parameter = trace.parameters().get(i);
            Estimate block = trace.blocks().get(i);
            layers.add(new DemoResult.LayerTrace(
                    parameter.name(),
                    parameter.elements(),
                    block.value(),
                    block.standardError(),
                    block.halfWidth(),
                    block.value() / parameter.elements()));
        }
        List<DemoResult.Eigenvalue> eigenvalues = new ArrayList<>();
        for (int i = 0; i < spectrum.values().length; i++) {
            eigenvalues.add(new DemoResult.Eigenvalue(spectrum.values()[i], spectrum.residualBounds()[i]));
        }
        Estimate total = trace.total();
        DemoResult.Curvature result = new DemoResult.Curvature(
                "hessian",
                rows.size(),
                new DemoResult.Trace(total.value(), total.standardError(), total.halfWidth(), total.probes()),
                layers,
                eigenvalues,
                spectrum.steps());
        return new CurvatureMeasurement(trace, result);
    }

    private static NetworkOperator operator(
            DemoSettings settings, Graph graph, Device device, Weights network, Rows rows, int probes) {
        ProgramOptions options = network.bind(
                        ProgramOptions.of(settings.batchOf(ROWS, graph), Computation.HESSIAN_VECTOR))
                .probes(probes);
        return new NetworkOperator(new Batches(graph, device, options, rows), Computation.HESSIAN_VECTOR);
    }
}
