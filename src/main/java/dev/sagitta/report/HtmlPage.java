package dev.sagitta.report;

import java.util.List;

/** An HTML page that needs no other file and no network: text, tables and plots one below the other. All text is escaped. */
public final class HtmlPage {
    private static final String STYLE = """
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
            h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
            table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
            th, td { padding: .25rem .75rem; border-bottom: 1px solid #ddd; text-align: right; }
            th:first-child, td:first-child { text-align: left; }
            thead th { border-bottom: 2px solid #888; }
            figure { margin: 1rem 0; } svg { width: 100%; height: auto; border: 1px solid #eee; }
            pre { background: #f6f6f6; padding: 1rem; overflow-x: auto; white-space: pre-wrap; }
            """;

    private final String title;
    private final StringBuilder body = new StringBuilder();

    public HtmlPage(String title) {
        this.title = title;
    }

    public HtmlPage heading(String text) {
        return element("h2", text);
    }

    public HtmlPage paragraph(String text) {
        return element("p", text);
    }

    /** Text with its line ends and spaces as they are. */
    public HtmlPage preformatted(String text) {
        return element("pre", text);
    }

    /** A table; the first column is text, the others are set to the right. */
    public HtmlPage table(List<String> header, List<List<String>> rows) {
        body.append("<table>\n<thead><tr>");
        header.forEach(cell -> body.append("<th>").append(Markup.escape(cell)).append("</th>"));
        body.append("</tr></thead>\n<tbody>\n");
        for (List<String> row : rows) {
            if (row.size() != header.size()) {
                throw new IllegalArgumentException(
                        "table: row " + row + " has " + row.size() + " cells, the header " + header.size());
            }
            body.append("<tr>");
            row.forEach(cell -> body.append("<td>").append(Markup.escape(cell)).append("</td>"));
            body.append("</tr>\n");
        }
        body.append("</tbody>\n</table>\n");
        return this;
    }

    public HtmlPage plot(SvgPlot plot) {
        body.append("<figure>\n").append(plot.toSvg()).append("</figure>\n");
        return this;
    }

    public String toHtml() {
        return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>"
                + Markup.escape(title)
                + "</title>\n<style>\n" + STYLE + "</style>\n</head>\n<body>\n<h1>" + Markup.escape(title) + "</h1>\n"
                + body
                + "</body>\n</html>\n";
    }

    private HtmlPage element(String name, String text) {
        body.append('<')
                .append(name)
                .append('>')
                .append(Markup.escape(text))
                .append("</")
                .append(name)
                .append(">\n");
        return this;
    }
}
