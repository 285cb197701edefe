package dev.sagitta.cli.demo;

import dev.sagitta.report.BarPlot;
import dev.sagitta.report.LinePlot;
import dev.sagitta.report.SvgPlot;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** A demo's low-bit networks as plots. */
final class QuantizationPlots {
    private static final double MEGABYTE = 1e6;
    private static final List<String> PLANS = List.of("curvature", "trace", "uniform");

    private QuantizationPlots() {}

    /** What the standard errors come from. */
    static String samples(DemoResult result) {
        return format(
                "from %,d examples in batches of %d characters or images, neighbours in one batch",
                result.data().evaluated(), Quantization.ROWS);
    }

    static SvgPlot foretold(DemoResult result) {
        double[] all = array(result.quantization(), DemoResult.Quantized::predictedIncrease);
        double most = java.util.Arrays.stream(all).max().orElse(0);
        LinePlot plot = SvgPlot.lines("Loss increase foretold and measured", "half of v'Hv", "held-out increase")
                .series("equal", new double[] {0, most}, new double[] {0, most});
        for (String plan : PLANS) {
            List<DemoResult.Quantized> of = of(result, plan);
            plot.points(plan, array(of, DemoResult.Quantized::predictedIncrease), array(of, quantized -> quantized
                    .increase()
                    .value()));
        }
        return plot;
    }

    private static List<DemoResult.Quantized> of(DemoResult result, String plan) {
        return result.quantization().stream()
                .filter(quantized -> quantized.plan().equals(plan))
                .toList();
    }

    static SvgPlot bits(DemoResult result) {
        BarPlot plot = SvgPlot.bars(
                "Bits of each weight by curvature",
                "bits",
                result.quantization().get(0).layers().stream()
                        .map(DemoResult.LayerBits::name)
                        .toList());
        for (DemoResult.Quantized quantized : result.quantization()) {
            if (quantized.plan().equals("curvature")) {
                plot.series(
                        format("average of %.2f bits", quantized.averageBits()),
                        array(quantized.layers(), DemoResult.LayerBits::bits));
            }
        }
        return plot;
    }

    static SvgPlot size(DemoResult result) {
        LinePlot plot = SvgPlot.lines("Held-out loss against size", "all parameters, MB", "cross-entropy")
                .logX();
        for (String plan : List.of("curvature", "trace", "uniform")) {
            List<DemoResult.Quantized> of = result.quantization().stream()
                    .filter(quantized -> quantized.plan().equals(plan))
                    .toList();
            plot.points(plan, array(of, quantized -> quantized.bytes() / MEGABYTE), array(of, quantized -> quantized
                    .heldOut()
                    .loss()));
        }
        return plot.points("fp32", new double[] {result.model().bytes() / MEGABYTE}, new double[] {
            result.training().get(0).heldOut().loss()
        });
    }

    private static <T> double[] array(List<T> list, ToDoubleFunction<T> value) {
        return list.stream().mapToDouble(value).toArray();
    }

    private static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }
}
