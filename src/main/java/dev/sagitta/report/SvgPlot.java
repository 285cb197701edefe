package dev.sagitta.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A plot as SVG text: nothing outside it is needed to show it, and no graphics library to draw it (a run-time image without
 * {@code java.desktop} can). {@link #lines} and {@link #bars} make the two kinds.
 */
public abstract sealed class SvgPlot permits LinePlot, BarPlot {
    /** Okabe and Ito: told apart by colour-blind readers too. */
    private static final List<String> COLOURS =
            List.of("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000");

    static final double WIDTH = 720;
    static final double HEIGHT = 380;
    private static final double LEFT = 72;
    private static final double RIGHT = 16;
    private static final double TOP = 40;
    private static final double LEGEND_ROW = 18;
    private static final double CHARACTER = 6.6;

    private final String title;
    private final String xLabel;
    private final String yLabel;
    private double top = TOP;
    private final double bottomMargin;

    SvgPlot(String title, String xLabel, String yLabel, double bottomMargin) {
        this.title = title;
        this.xLabel = xLabel;
        this.yLabel = yLabel;
        this.bottomMargin = bottomMargin;
    }

    /** A plot of one or several series of points. */
    public static LinePlot lines(String title, String xLabel, String yLabel) {
        return new LinePlot(title, xLabel, yLabel);
    }

    /** A plot of one or several bars per category. */
    public static BarPlot bars(String title, String yLabel, List<String> categories) {
        return new BarPlot(title, yLabel, List.copyOf(categories));
    }

    public final String title() {
        return title;
    }

    /** The plot as one {@code <svg>} element. */
    public final String toSvg() {
        List<String> names = seriesNames();
        // a single series is named by the title
        int rows = names.size() < 2 ? 0 : legendRows(names).size();
        top = TOP + rows * LEGEND_ROW;
        StringBuilder out = new StringBuilder();
        out.append(String.format(
                Locale.ROOT,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
                        + "font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">%n",
                WIDTH,
                HEIGHT));
        out.append("<title>").append(Markup.escape(title)).append("</title>\n");
        out.append("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
        text(out, WIDTH / 2, 20, "middle", title, "font-size=\"15\" font-weight=\"bold\"");
        if (rows > 0) {
            legend(out, names);
        }
        draw(out);
        text(out, (left() + right()) / 2, HEIGHT - 8, "middle", xLabel, "");
        double middle = (top() + bottom()) / 2;
        text(out, 16, middle, "middle", yLabel, format("transform=\"rotate(-90 16 %.1f)\"", middle));
        return out.append("</svg>\n").toString();
    }

    /** Names for the legend, in the order of the colours. */
    abstract List<String> seriesNames();

    /** Draws axes and data between {@link #left}, {@link #right}, {@link #top} and {@link #bottom}. */
    abstract void draw(StringBuilder out);

    static String colour(int series) {
        return COLOURS.get(series % COLOURS.size());
    }

    /** From the eighth series on, colours come again with dashes. */
    static String dashes(int series) {
        return series < COLOURS.size() ? "" : " stroke-dasharray=\"6 3\"";
    }

    final double left() {
        return LEFT;
    }

    final double right() {
        return WIDTH - RIGHT;
    }

    final double top() {
        return top;
    }

    final double bottom() {
        return HEIGHT - bottomMargin;
    }

    final double y(Axis axis, double value) {
        return bottom() - axis.place(value) * (bottom() - top());
    }

    /** Grid lines and labels of the vertical axis. */
    final void drawYAxis(StringBuilder out, Axis axis) {
        for (double tick : axis.ticks()) {
            double y = y(axis, tick);
            line(out, left(), y, right(), y, "stroke=\"#ddd\"");
            text(out, left() - 6, y + 4, "end", Axis.label(tick), "");
        }
        line(out, left(), top(), left(), bottom(), "stroke=\"#888\"");
    }

    private void legend(StringBuilder out, List<String> names) {
        double y = TOP - 4;
        for (List<Integer> row : legendRows(names)) {
            double x = LEFT;
            for (int i : row) {
                line(
                        out,
                        x,
                        y,
                        x + 18,
                        y,
                        "stroke=\"" + colour(i) + "\" stroke-width=\"" + legendWidth() + "\"" + dashes(i));
                text(out, x + 24, y + 4, "start", names.get(i), "");
                x += entryWidth(names.get(i));
            }
            y += LEGEND_ROW;
        }
    }

    /** Thickness of the sample beside a name. */
    abstract int legendWidth();

    private static double entryWidth(String name) {
        return 24 + CHARACTER * name.length() + 18;
    }

    private static List<List<Integer>> legendRows(List<String> names) {
        List<List<Integer>> rows = new ArrayList<>();
        double x = Double.POSITIVE_INFINITY;
        for (int i = 0; i < names.size(); i++) {
            double width = entryWidth(names.get(i));
            if (x + width > WIDTH - RIGHT) {
                rows.add(new ArrayList<>());
                x = LEFT;
            }
            rows.get(rows.size() - 1).add(i);
            x += width;
        }
        return rows;
    }

    static double textWidth(String text) {
        return CHARACTER * text.length();
    }

    static void line(StringBuilder out, double x1, double y1, double x2, double y2, String attributes) {
        out.append(format("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" ", x1, y1, x2, y2))
                .append(attributes)
                .append("/>\n");
    }

    static void text(StringBuilder out, double x, double y, String anchor, String text, String attributes) {
        out.append(format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" ", x, y, anchor))
                .append(attributes)
                .append('>')
                .append(Markup.escape(text))
                .append("</text>\n");
    }

    static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }
}
