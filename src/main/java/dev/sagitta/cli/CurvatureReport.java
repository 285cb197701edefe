package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.curvature.estimator.Estimate;
import dev.sagitta.curvature.estimator.HutchinsonTrace;
import dev.sagitta.curvature.estimator.Lanczos;
import dev.sagitta.graph.Parameter;
import dev.sagitta.report.BarPlot;
import dev.sagitta.report.HtmlPage;
import dev.sagitta.report.SvgPlot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** The page of {@code curvature --report}. */
record CurvatureReport(
        Path checkpoint,
        int rows,
        boolean gaussNewton,
        boolean separate,
        ObjectNode result,
        HutchinsonTrace.Result trace,
        Lanczos.Result spectrum) {

    String toHtml() {
        String matrix = gaussNewton ? "Gauss-Newton matrix" : "Hessian";
        List<String> names = trace.parameters().stream().map(Parameter::name).toList();
        Estimate total = trace.total();
        HtmlPage page = new HtmlPage("Curvature of " + checkpoint.getFileName())
                .paragraph(String.format(
                        Locale.ROOT,
                        "%s of the mean loss over %d rows: loss %.6g, gradient norm %.6g.",
                        matrix,
                        rows,
                        result.get("loss").doubleValue(),
                        result.get("gradientNorm").doubleValue()))
                .paragraph(String.format(
                        Locale.ROOT,
                        "Trace %.6g, standard error %s, 95 %% interval %s to %s; %d %s Rademacher probes.",
                        total.value(),
                        Numbers.text("%.2g", total.standardError()),
                        Numbers.text("%.6g", total.lowerBound()),
                        Numbers.text("%.6g", total.upperBound()),
                        total.probes(),
                        separate ? "separate" : "joint"))
                .heading("Trace per parameter tensor")
                .plot(bars(
                        SvgPlot.bars("Trace, with 95 % intervals", "trace", names),
                        "trace",
                        blocks(Estimate::value),
                        blocks(Estimate::halfWidth)))
                .plot(bars(
                        SvgPlot.bars("Average trace: trace per element", "trace / elements", names),
                        "average trace",
                        perElement(blocks(Estimate::value)),
                        perElement(blocks(Estimate::halfWidth))))
                .table(List.of("parameter", "elements", "trace", "standard error", "per element"), table());
        if (spectrum != null) {
            double[] values = spectrum.values();
            String doubt = CurvatureCommand.doubt(spectrum);
            page.heading("Largest eigenvalues")
                    .plot(SvgPlot.bars(
                                    "Eigenvalues, with residual bounds",
                                    "eigenvalue",
                                    IntStream.rangeClosed(1, values.length)
                                            .mapToObj(Integer::toString)
                                            .toList())
                            .series("eigenvalue", values, spectrum.residualBounds()))
                    .paragraph(spectrum.products() + " products, Lanczos with full reorthogonalisation; "
                            + (doubt == null ? "all converged, none missed" : doubt) + ".");
        }
        return page.toHtml();
    }

    /** Without intervals where one probe leaves them unknown. */
    private static BarPlot bars(BarPlot plot, String name, double[] values, double[] halfWidths) {
        return java.util.Arrays.stream(halfWidths).allMatch(Double::isFinite)
                ? plot.series(name, values, halfWidths)
                : plot.series(name, values);
    }

    private double[] blocks(java.util.function.ToDoubleFunction<Estimate> value) {
        return trace.blocks().stream().mapToDouble(value).toArray();
    }

    private double[] perElement(double[] values) {
        double[] average = new double[values.length];
        for (int l = 0; l < average.length; l++) {
            average[l] = values[l] / trace.parameters().get(l).elements();
        }
        return average;
    }

    private List<List<String>> table() {
        List<List<String>> rows = new ArrayList<>();
        for (int l = 0; l < trace.parameters().size(); l++) {
            Parameter parameter = trace.parameters().get(l);
            Estimate block = trace.blocks().get(l);
            rows.add(List.of(
                    parameter.name(),
                    Long.toString(parameter.elements()),
                    String.format(Locale.ROOT, "%.5g", block.value()),
                    Numbers.text("%.2g", block.standardError()),
                    String.format(Locale.ROOT, "%.4g", block.value() / parameter.elements())));
        }
        return rows;
    }
}
