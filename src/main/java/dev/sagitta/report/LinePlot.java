package dev.sagitta.report;

import java.util.ArrayList;
import java.util.List;

/** Series of points, joined by lines. Points that are not finite, or not positive on a log axis, leave a gap. */
public final class LinePlot extends SvgPlot {
    private static final double BOTTOM = 56;
    private static final int MARKED_AT_MOST = 40;

    private final List<Series> series = new ArrayList<>();
    private boolean logX;
    private boolean logY;

    private record Series(String name, double[] x, double[] y, boolean joined) {}

    LinePlot(String title, String xLabel, String yLabel) {
        super(title, xLabel, yLabel, BOTTOM);
    }

    public LinePlot logX() {
        logX = true;
        return this;
    }

    public LinePlot logY() {
        logY = true;
        return this;
    }

    /** Adds points joined in their order. */
    public LinePlot series(String name, double[] x, double[] y) {
        return add(name, x, y, true);
    }

    /** Adds points that are not joined. */
    public LinePlot points(String name, double[] x, double[] y) {
        return add(name, x, y, false);
    }

    private LinePlot add(String name, double[] x, double[] y, boolean joined) {
        if (x.length != y.length) {
            throw new IllegalArgumentException("plot '" + title() + "': series '" + name + "' has " + x.length
                    + " x and " + y.length + " y values");
        }
        series.add(new Series(name, x.clone(), y.clone(), joined));
        return this;
    }

    @Override
    List<String> seriesNames() {
        return series.stream().map(Series::name).toList();
    }

    @Override
    int legendWidth() {
        return 2;
    }

    @Override
    void draw(StringBuilder out) {
        List<Double> xs = new ArrayList<>();
        List<Double> ys = new ArrayList<>();
        for (Series s : series) {
            for (int i = 0; i < s.x.length; i++) {
                if (Axis.shows(s.x[i], logX) && Axis.shows(s.y[i], logY)) {
                    xs.add(s.x[i]);
                    ys.add(s.y[i]);
                }
            }
        }
        Axis xAxis = Axis.over(xs, logX, false);
        Axis yAxis = Axis.over(ys, logY, false);
        drawYAxis(out, yAxis);
        for (double tick : xAxis.ticks()) {
            double x = x(xAxis, tick);
            line(out, x, bottom(), x, bottom() + 4, "stroke=\"#888\"");
            text(out, x, bottom() + 18, "middle", Axis.label(tick), "");
        }
        line(out, left(), bottom(), right(), bottom(), "stroke=\"#888\"");
        for (int i = 0; i < series.size(); i++) {
            draw(out, series.get(i), i, xAxis, yAxis);
        }
    }

    private void draw(StringBuilder out, Series s, int index, Axis xAxis, Axis yAxis) {
        StringBuilder path = new StringBuilder();
        StringBuilder marks = new StringBuilder();
        boolean down = false;
        for (int i = 0; i < s.x.length; i++) {
            if (!Axis.shows(s.x[i], logX) || !Axis.shows(s.y[i], logY)) {
                down = false;
                continue;
            }
            double x = x(xAxis, s.x[i]);
            double y = y(yAxis, s.y[i]);
            path.append(format("%s%.1f %.1f", down ? "L" : "M", x, y));
            marks.append(format(
                    "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"/>%n",
                    x, y, s.joined ? 2.5 : 4, colour(index)));
            down = true;
        }
        if (s.joined && path.length() > 0) {
            out.append(format(
                    "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-linejoin=\"round\"%s/>%n",
                    path, colour(index), dashes(index)));
        }
        if (!s.joined || s.x.length <= MARKED_AT_MOST) {
            out.append(marks);
        }
    }

    private double x(Axis axis, double value) {
        return left() + axis.place(value) * (right() - left());
    }
}
