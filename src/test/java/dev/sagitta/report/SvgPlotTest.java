package dev.sagitta.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.StringReader;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

class SvgPlotTest {

    private static Document parse(String xml) throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(xml)));
    }

    @Test
    void linesAreWellFormedWhateverTheNames() throws Exception {
        double[] x = {0, 1, 2, 3};
        String svg = SvgPlot.lines("loss <&\"' \u0001", "step", "loss")
                .series("a<b", x, new double[] {3, 2, Double.NaN, 1})
                .points("c", x, new double[] {1, 2, 3, Double.POSITIVE_INFINITY})
                .toSvg();
        Document document = parse(svg);
        assertThat(document.getElementsByTagName("path").getLength()).isEqualTo(1);
        assertThat(document.getElementsByTagName("circle").getLength()).isEqualTo(6);
        // a gap where a value is missing: the pen is lifted twice
        String path = document.getElementsByTagName("path")
                .item(0)
                .getAttributes()
                .getNamedItem("d")
                .getTextContent();
        assertThat(path.chars().filter(c -> c == 'M').count()).isEqualTo(2);
        assertThat(svg).doesNotContain("NaN", "Infinity");
    }

    @Test
    void barsHaveIntervalsAndGroups() throws Exception {
        String svg = SvgPlot.bars("trace", "trace", List.of("fc1.weight", "fc1.bias"))
                .series("joint", new double[] {4, -1}, new double[] {1, 0.5})
                .series("separate", new double[] {3, Double.NaN}, new double[] {Double.POSITIVE_INFINITY, 1})
                .toSvg();
        Document document = parse(svg);
        // background and three bars
        assertThat(document.getElementsByTagName("rect").getLength()).isEqualTo(4);
        assertThat(svg).contains("fc1.weight, joint: 4 \u00b1 1").doesNotContain("NaN", "Infinity");
    }

    @Test
    void emptyPlotsAreStillPlots() throws Exception {
        parse(SvgPlot.lines("", "", "").logX().logY().toSvg());
        parse(SvgPlot.bars("", "", List.of()).logY().toSvg());
        parse(SvgPlot.lines("", "", "")
                .series("one", new double[] {0}, new double[] {0})
                .toSvg());
    }

    @Test
    void lengthsMustAgree() {
        assertThatThrownBy(() -> SvgPlot.lines("p", "", "").series("s", new double[1], new double[2]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("plot 'p': series 's' has 1 x and 2 y values");
        assertThatThrownBy(() -> SvgPlot.bars("p", "", List.of("a")).series("s", new double[2]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("series 's' has 2 values, expected one for each of 1 categories");
    }

    @Test
    void ticksAreRound() {
        assertThat(Axis.over(List.of(0.13, 0.97), false, false).ticks()).contains(0.2, 0.4, 0.8);
        assertThat(Axis.over(List.of(1e-3, 1e4), true, false).ticks()).contains(1e-3, 1.0, 1e4);
        assertThat(Axis.over(List.of(1.0, 2.0), true, false).ticks()).contains(1.0, 2.0);
        assertThat(Axis.over(List.of(5.0, 5.0), false, false).ticks()).isNotEmpty();
        assertThat(List.of(Axis.label(0), Axis.label(1e-7), Axis.label(250000), Axis.label(0.2 + 0.1), Axis.label(100)))
                .containsExactly("0", "1e-7", "2.5e5", "0.3", "100");
    }

    @Test
    void pageIsSelfContainedAndEscaped() {
        String html = new HtmlPage("a <b>")
                .heading("h & h")
                .paragraph("<script>")
                .preformatted("x\n  y")
                .table(List.of("name", "n"), List.of(List.of("w", "1")))
                .plot(SvgPlot.lines("p", "x", "y").series("s", new double[] {1, 2}, new double[] {1, 2}))
                .toHtml();
        assertThat(html)
                .startsWith("<!DOCTYPE html>")
                .contains("<h1>a &lt;b&gt;</h1>", "&lt;script&gt;", "<td>w</td><td>1</td>", "<svg ")
                .doesNotContain("<script", "src=", "href=");
        assertThatThrownBy(() -> new HtmlPage("t").table(List.of("a"), List.of(List.of())))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
