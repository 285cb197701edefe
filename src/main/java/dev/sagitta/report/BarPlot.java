package dev.sagitta.report;

import java.util.ArrayList;
import java.util.List;

/** Bars by category, several beside each other where there are several series, with intervals where they are known. */
public final class BarPlot extends SvgPlot {
    private static final double BOTTOM = 96;
    private static final double GAP = 0.25;
    private static final double LABEL_LENGTH = 14;
    private static final int LONGEST_LABEL = 18;

    private final List<String> categories;
    private final List<Series> series = new ArrayList<>();
    private boolean logY;

    /** @param errors half-widths of the intervals; null for none */
    private record Series(String name, double[] values, double[] errors) {}

    BarPlot(String title, String yLabel, List<String> categories) {
        super(title, "", yLabel, BOTTOM);
        this.categories = categories;
    }

    public BarPlot logY() {
        logY = true;
        return this;
    }

    /** Adds a bar per category. */
    public BarPlot series(String name, double[] values) {
        return add(name, values, null);
    }

    /** Adds a bar per category with an interval of value - error to value + error. */
    public BarPlot series(String name, double[] values, double[] errors) {
        return add(name, values, errors.clone());
    }

    private BarPlot add(String name, double[] values, double[] errors) {
        if (values.length != categories.size() || (errors != null && errors.length != values.length)) {
            throw new IllegalArgumentException("plot '" + title() + "': series '" + name + "' has " + values.length
                    + " values" + (errors == null ? "" : " and " + errors.length + " errors")
                    + ", expected one for each of "
                    + categories.size() + " categories");
        }
        series.add(new Series(name, values.clone(), errors));
        return this;
    }

    @Override
    List<String> seriesNames() {
        return series.stream().map(Series::name).toList();
    }

    @Override
    int legendWidth() {
        return 10;
    }

    @Override
    void draw(StringBuilder out) {
        List<Double> shown = new ArrayList<>();
        for (Series s : series) {
            for (int i = 0; i < s.values.length; i++) {
                shown.add(s.values[i]);
                if (s.errors != null) {
                    shown.add(s.values[i] + s.errors[i]);
                    // on a log axis an interval that reaches zero would stretch it without end
                    shown.add(logY ? Math.max(s.values[i] - s.errors[i], s.values[i] / 10) : s.values[i] - s.errors[i]);
                }
            }
        }
        Axis axis = Axis.over(shown, logY, true);
        drawYAxis(out, axis);
        double base = logY ? bottom() : y(axis, 0);
        double slot = (right() - left()) / Math.max(1, categories.size());
        double bar = slot * (1 - GAP) / Math.max(1, series.size());
        for (int i = 0; i < categories.size(); i++) {
            for (int s = 0; s < series.size(); s++) {
                double x = left() + slot * (i + GAP / 2) + bar * s;
                draw(out, series.get(s), i, s, x, bar, base, axis);
            }
            label(out, categories.get(i), left() + slot * (i + 0.5), slot);
        }
        line(out, left(), base, right(), base, "stroke=\"#888\"");
    }

    private void draw(
            StringBuilder out, Series s, int category, int index, double x, double width, double base, Axis axis) {
        double value = s.values[category];
        if (!Axis.shows(value, logY)) {
            return;
        }
        double y = y(axis, value);
        out.append(format(
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" fill-opacity=\"0.85\"><title>%s</title></rect>%n",
                x,
                Math.min(y, base),
                Math.max(0.5, width - 1),
                Math.abs(base - y),
                colour(index),
                Markup.escape(categories.get(category) + ", " + s.name + ": " + Axis.label(value)
                        + (s.errors == null ? "" : " \u00b1 " + Axis.label(s.errors[category])))));
        if (s.errors != null && s.errors[category] > 0 && Double.isFinite(s.errors[category])) {
            double middle = x + width / 2;
            double high = y(axis, value + s.errors[category]);
            double low = y(axis, value - s.errors[category]);
            double cap = Math.min(5, width / 3);
            line(out, middle, high, middle, low, "stroke=\"#222\"");
            line(out, middle - cap, high, middle + cap, high, "stroke=\"#222\"");
            line(out, middle - cap, low, middle + cap, low, "stroke=\"#222\"");
        }
    }

    /** Slanted where names would run into each other; of very many, only as many as can be read. */
    private void label(StringBuilder out, String name, double x, double slot) {
        int index = (int) ((x - left()) / slot);
        int stride = (int) Math.max(1, Math.ceil(LABEL_LENGTH / slot));
        if (index % stride != 0) {
            return;
        }
        boolean fits = categories.stream().allMatch(category -> textWidth(category) < slot - 4);
        if (fits) {
            text(out, x, bottom() + 18, "middle", name, "");
            return;
        }
        String shown = name.length() <= LONGEST_LABEL ? name : name.substring(0, LONGEST_LABEL - 1) + "\u2026";
        text(out, x, bottom() + 14, "end", shown, format("transform=\"rotate(-38 %.1f %.1f)\"", x, bottom() + 14));
    }
}
