package dev.sagitta.cli.demo;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.report.BarPlot;
import dev.sagitta.report.HtmlPage;
import dev.sagitta.report.LinePlot;
import dev.sagitta.report.SvgPlot;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/** A demo's result as a page and as JSON. */
final class DemoReport {
    private static final double MEGABYTE = 1e6;
    /** Of a plot; of more parameters those with the largest traces are shown, and all in the table. */
    private static final int MOST_BARS = 32;

    private DemoReport() {}

    static String json(DemoResult result) {
        try {
            return new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(result) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a report that is no JSON: " + e.getMessage(), e);
        }
    }

    static String html(DemoResult result) {
        HtmlPage page = new HtmlPage("Sagitta: a demo");
        page.paragraph(DemoTable.headline(result) + ". Network: "
                + result.model().description() + ". All numbers are in report.json.");
        page.heading("Low-bit weights: the loss foretold and measured");
        page.paragraph(
                "Bits per layer chosen to minimise v'Hv along each layer's rounding error v, or (trace) HAWQ-V2's"
                        + " tr(H) / n |v|\u00b2, in no more bytes than the budget; beside them the smallest uniform plan that is no"
                        + " smaller. Each packed network runs without being unpacked.");
        page.table(DemoTable.PLANS, DemoTable.plans(result));
        page.paragraph(DemoTable.EXPLANATION + ", " + QuantizationPlots.samples(result) + ".");
        page.plot(QuantizationPlots.foretold(result));
        page.plot(QuantizationPlots.bits(result));
        page.plot(QuantizationPlots.size(result));
        page.heading("Training twice with the same seed");
        page.paragraph(
                "Once with the activations that the backward pass needs kept as they are, once packed into a few bits"
                        + " each. Seed, batches and initial weights are the same.");
        page.table(DemoTable.TRAININGS, DemoTable.trainings(result));
        page.plot(loss(result, "Loss of each batch", DemoResult.Point::loss));
        page.plot(loss(result, "Loss on held-out examples", DemoResult.Point::heldOutLoss));
        page.plot(memory(result));
        page.table(List.of("saved for the backward pass", "exact", "compressed"), saved(result));
        page.heading("Curvature");
        page.paragraph(DemoTable.curvature(result) + ". Intervals hold 95 %: Student's t over the probes.");
        page.plot(traces(result));
        page.table(
                List.of("parameter", "elements", "trace", "\u00b1", "trace / element"),
                result.curvature().layers().stream()
                        .map(layer -> List.of(
                                layer.name(),
                                format("%,d", layer.parameters()),
                                format("%.4g", layer.trace()),
                                format("%.2g", layer.halfWidth()),
                                format("%.3g", layer.averageTrace())))
                        .toList());
        page.table(
                List.of("eigenvalue", "value", "residual bound"),
                numbered(result.curvature().eigenvalues()));
        if (result.sample() != null) {
            page.heading("What it writes");
            page.preformatted(result.sample());
        }
        page.heading("Run");
        page.paragraph(format(
                "%s (%s), seed %d, %s in all.",
                result.run().device(), result.run().driver(), result.run().seed(), seconds(result, "total")));
        page.table(
                List.of("stage", "time"),
                result.seconds().keySet().stream()
                        .map(stage -> List.of(stage, seconds(result, stage)))
                        .toList());
        return page.toHtml();
    }

    private static String seconds(DemoResult result, String stage) {
        return format("%.1f s", result.seconds().get(stage));
    }

    private interface Ordinate {
        Double of(DemoResult.Point point);
    }

    private static SvgPlot loss(DemoResult result, String title, Ordinate ordinate) {
        LinePlot plot = SvgPlot.lines(title, "step", "cross-entropy");
        for (DemoResult.Training training : result.training()) {
            List<DemoResult.Point> points = training.curve().stream()
                    .filter(point -> ordinate.of(point) != null)
                    .toList();
            plot.series(
                    name(training), array(points, DemoResult.Point::step), array(points, point -> ordinate.of(point)));
        }
        return plot;
    }

    private static String name(DemoResult.Training training) {
        return training.activationBits().equals("none") ? "exact" : training.activationBits() + " bits";
    }

    private static SvgPlot memory(DemoResult result) {
        List<MemoryCategory> categories = new ArrayList<>();
        for (MemoryCategory category : MemoryCategory.values()) {
            if (result.training().stream()
                    .anyMatch(training -> training.memory().containsKey(category))) {
                categories.add(category);
            }
        }
        BarPlot plot = SvgPlot.bars(
                "Device memory while training, peak of each category",
                "MB",
                categories.stream()
                        .map(category ->
                                category.name().toLowerCase(Locale.ROOT).replace('_', ' '))
                        .toList());
        for (DemoResult.Training training : result.training()) {
            plot.series(
                    name(training),
                    array(categories, category -> training.memory().getOrDefault(category, 0L) / MEGABYTE));
        }
        return plot;
    }

    /** Bytes by tensor: codes and grids of a compressed one together. */
    private static List<List<String>> saved(DemoResult result) {
        DemoResult.Training exact = result.training().get(0);
        DemoResult.Training compressed = result.training().get(1);
        return List.of(
                List.of("all", DemoTable.megabytes(exact.savedBytes()), DemoTable.megabytes(compressed.savedBytes())),
                List.of(
                        "sign masks",
                        bytes(exact, name -> name.endsWith(".mask")),
                        bytes(compressed, name -> name.endsWith(".mask"))),
                List.of(
                        "values or codes",
                        bytes(exact, name -> !name.endsWith(".mask")),
                        bytes(compressed, name -> !name.endsWith(".mask") && !name.endsWith(".grid"))),
                List.of("grids", "", bytes(compressed, name -> name.endsWith(".grid"))));
    }

    private static String bytes(DemoResult.Training training, Predicate<String> which) {
        return DemoTable.megabytes(training.saved().stream()
                .filter(saved -> which.test(saved.name()))
                .mapToLong(saved -> saved.bytes())
                .sum());
    }

    private static SvgPlot traces(DemoResult result) {
        List<DemoResult.LayerTrace> all = result.curvature().layers();
        double least = all.stream()
                .map(DemoResult.LayerTrace::trace)
                .sorted(Comparator.reverseOrder())
                .limit(MOST_BARS)
                .reduce((first, second) -> second)
                .orElseThrow();
        List<DemoResult.LayerTrace> layers =
                all.stream().filter(layer -> layer.trace() >= least).toList();
        return SvgPlot.bars(
                        "Trace of the Hessian by parameter"
                                + (layers.size() < all.size() ? ", the " + layers.size() + " largest" : ""),
                        "trace",
                        layers.stream().map(DemoResult.LayerTrace::name).toList())
                .series(
                        "trace",
                        array(layers, DemoResult.LayerTrace::trace),
                        array(layers, DemoResult.LayerTrace::halfWidth));
    }

    private static List<List<String>> numbered(List<DemoResult.Eigenvalue> eigenvalues) {
        List<List<String>> rows = new ArrayList<>();
        for (DemoResult.Eigenvalue eigenvalue : eigenvalues) {
            rows.add(List.of(
                    Integer.toString(rows.size() + 1),
                    format("%.4g", eigenvalue.value()),
                    format("%.1e", eigenvalue.residualBound())));
        }
        return rows;
    }

    private static <T> double[] array(List<T> list, ToDoubleFunction<T> value) {
        return list.stream().mapToDouble(value).toArray();
    }

    private static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }
}
