package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class AllocateCommandTest {
    private static final String TABLE = """
            {"layers": [
              {"name": "a", "options": [{"bits": 2, "omega": 9, "bytes": 20, "cost": 1}, {"bits": 4, "omega": 1, "bytes": 40, "cost": 8}]},
              {"name": "b", "options": [{"bits": 2, "omega": 5, "bytes": 10, "cost": 1}, {"bits": 4, "omega": 0.5, "bytes": 20, "cost": 2}]},
              {"name": "c", "options": [{"bits": 2, "omega": 1, "bytes": 10, "cost": 1}, {"bits": 4, "omega": 0.1, "bytes": 20, "cost": 2}]}]
             %s}
            """;

    @TempDir
    Path folder;

    private Path table;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void write() throws IOException {
        table = folder.resolve("t.json");
        Files.writeString(table, TABLE.formatted(""));
    }

    private int run(String... options) {
        CommandLine line = Main.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        String[] all = new String[options.length + 3];
        all[0] = "allocate";
        all[1] = "--table";
        all[2] = table.toString();
        System.arraycopy(options, 0, all, 3, options.length);
        return line.execute(all);
    }

    @Test
    void choosesTheLeastOmegaAndSaysSo() throws IOException {
        Path file = folder.resolve("choice.json");
        assertThat(run("--max-bytes", "60", "--out", file.toString())).isZero();
        assertThat(out.toString()).contains("optimal").contains("total").doesNotContain("\t");
        JsonNode json = new ObjectMapper().readTree(file.toFile());
        // a at 4, the others at 2: 1 + 5 + 1; b and c at 4: 9 + 0.5 + 0.1
        assertThat(json.get("layers")).hasSize(3);
        assertThat(json.get("layers").get(0).get("name").textValue()).isEqualTo("a");
        assertThat(json.get("layers").get(0).get("bits").intValue()).isEqualTo(4);
        assertThat(json.get("layers").get(1).get("bits").intValue()).isEqualTo(2);
        assertThat(json.get("total").get("omega").doubleValue()).isEqualTo(7);
        assertThat(json.get("total").get("bytes").longValue()).isEqualTo(60);
        assertThat(json.get("optimal").booleanValue()).isTrue();
    }

    @Test
    void limitsCostAndWritesToStdout() throws IOException {
        assertThat(run("--max-cost", "5", "--out", "-")).isZero();
        JsonNode json = new ObjectMapper().readTree(out.toString());
        assertThat(json.get("total").get("cost").doubleValue()).isEqualTo(5);
        assertThat(json.get("total").get("omega").doubleValue()).isEqualTo(9.6);
    }

    @Test
    void tiedLayersTakeTheSameBits() throws IOException {
        Files.writeString(table, TABLE.formatted(", \"tied\": [[\"a\", \"b\"]]"));
        assertThat(run("--max-bytes", "60", "--out", "-")).isZero();
        JsonNode layers = new ObjectMapper().readTree(out.toString()).get("layers");
        assertThat(layers.get(0).get("bits")).isEqualTo(layers.get(1).get("bits"));
        assertThat(layers.get(2).get("bits").intValue()).isEqualTo(4);
    }

    @Test
    void alimitThatCannotBeMetNamesTheSmallestChoice() {
        Path file = folder.resolve("choice.json");
        assertThat(run("--max-bytes", "39", "--out", file.toString())).isEqualTo(1);
        assertThat(err.toString())
                .contains("limit of 39 bytes cannot be met")
                .contains("takes 40")
                .hasLineCount(1);
        assertThat(file).doesNotExist();
    }

    @Test
    void oneLimitIsNeeded() {
        assertThat(run()).isEqualTo(2);
        assertThat(run("--max-cost", "NaN")).isEqualTo(2);
        assertThat(run("--max-bytes", "many")).isEqualTo(2);
        for (String wrong : new String[] {"latency", "latency=", "=3", "latency=x", "latency=NaN", "latency=1e999"}) {
            assertThat(run("--max", wrong)).as(wrong).isEqualTo(2);
        }
    }

    private static final String NAMED = """
            {"layers": [
              {"name": "a", "options": [{"bits": 2, "omega": 9, "bytes": 20, "costs": {"latency": 0.1, "bit=ops": 1e9}},
                                        {"bits": 4, "omega": 1, "bytes": 40, "costs": {"latency": 0.2, "bit=ops": 2e9}}]},
              {"name": "b", "options": [{"bits": 2, "omega": 5, "bytes": 10, "costs": {"latency": 0.1, "bit=ops": 1e9}},
                                        {"bits": 4, "omega": 0.5, "bytes": 20, "costs": {"latency": 0.2, "bit=ops": 2e9}}]}]}
            """;

    @Test
    void severalLimitsHoldTogether() throws IOException {
        Files.writeString(table, NAMED);
        // 0.1 + 0.2 meets 0.3, and there is room for one of the two by bit operations
        assertThat(run("--max-bytes", "60", "--max", "latency=0.3", "--max", "bit=ops=3e9", "--out", "-"))
                .isZero();
        JsonNode json = new ObjectMapper().readTree(out.toString());
        assertThat(json.get("layers").get(0).get("bits").intValue()).isEqualTo(4);
        assertThat(json.get("layers").get(0).get("costs").get("latency").doubleValue())
                .isEqualTo(0.2);
        assertThat(json.get("total").get("omega").doubleValue()).isEqualTo(6);
        assertThat(json.get("total").get("costs").get("latency").doubleValue()).isEqualTo(0.3);
        assertThat(json.get("total").get("costs").get("bit=ops").doubleValue()).isEqualTo(3e9);
        assertThat(json.get("optimal").booleanValue()).isTrue();
        assertThat(json.has("bound")).isFalse();
    }

    @Test
    void aNamedCostHasAColumn() throws IOException {
        Files.writeString(table, NAMED);
        assertThat(run("--max", "latency=0.3")).isZero();
        assertThat(out.toString()).contains("latency").contains("bit=ops").contains("0.300000");
    }

    @Test
    void anUnknownNameIsAnsweredWithTheKnownOnes() throws IOException {
        Files.writeString(table, NAMED);
        assertThat(run("--max", "latncy=0.3")).isEqualTo(1);
        assertThat(err.toString())
                .contains("'latncy'")
                .contains("latency")
                .contains("bit=ops")
                .hasLineCount(1);
    }

    @Test
    void aNamedCostIsLimitedOnce() throws IOException {
        Files.writeString(table, NAMED);
        assertThat(run("--max", "latency=0.3", "--max", "latency=0.2")).isEqualTo(1);
        assertThat(err.toString()).contains("'latency' is limited twice").hasLineCount(1);
    }

    @Test
    void limitsThatOnlyHoldAloneAreToldApart() throws IOException {
        Files.writeString(table, """
                {"layers": [{"name": "a", "options": [{"bits": 2, "omega": 1, "bytes": 1, "cost": 2}, {"bits": 4, "omega": 1, "bytes": 2, "cost": 1}]}]}
                """);
        assertThat(run("--max-bytes", "1", "--max-cost", "1")).isEqualTo(1);
        assertThat(err.toString())
                .contains("1 bytes, 1 cost cannot be met together, only each alone")
                .hasLineCount(1);
        assertThat(run("--max-bytes", "1", "--max-cost", "0.5")).isEqualTo(1);
        assertThat(err.toString()).contains("limit of 0.5 cost cannot be met, the smallest choice takes 1");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "                                                                | malformed JSON",
                "[]                                                              | expected a JSON object",
                "{}                                                              | field 'layers' is missing",
                "{\"layers\": []}                                                | there are no layers",
                "{\"layers\": [1]}                                               | 'layers[0]' is 1, expected an object",
                "{\"layers\": [{\"name\": \"a\"}]}                               | field 'options' is missing",
                "{\"layers\": [{\"name\": \"a\", \"options\": []}]}              | layer 'a' has no options",
                "{\"layers\": [{\"name\": 3, \"options\": []}]}                  | 'name' is 3, expected a string",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": \"x\", \"bytes\": 1}]}]}  | 'omega' is \"x\", expected a number",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1e999, \"bytes\": 1}]}]}  | 'omega' is",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": NaN, \"bytes\": 1}]}]}    | malformed JSON",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1, \"bytes\": -1}]}]}     | 'bytes' is -1, expected an integer",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1, \"bytes\": 9223372036854775807}]}]} | 'bytes' is 9223372036854775807",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1}]}]}                    | field 'bytes' is missing",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1, \"bytes\": 1}]}], \"tied\": [[\"a\", \"z\"]]} | 'z' is not in the table",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1, \"bytes\": 1}]}], \"tied\": [[]]}             | empty group",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1, \"bytes\": 1}]}], \"tied\": [\"a\"]}          | 'tied[0]' is \"a\"",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1, \"bytes\": 1}]}], \"tied\": 1}                | 'tied' is 1",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1, \"bytes\": 1, \"costs\": 3}]}]}               | 'costs' is 3, expected an object",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1, \"bytes\": 1, \"costs\": {\"x\": -1}}]}]}       | 'x' is -1, expected a number",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1, \"bytes\": 1, \"costs\": {\"cost\": 1}}]}]}     | a cost is named 'cost'",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1, \"bytes\": 1, \"costs\": {\"x\": 1}}, {\"bits\": 3, \"omega\": 1, \"bytes\": 1}]}]} | layer 'a' at 3 bits: cost 'x' is missing",
                "{\"layers\": [{\"name\": \"a\", \"options\": [{\"bits\": 2, \"omega\": 1, \"bytes\": 1}]}], \"more\": 1}                | unknown field 'more'",
            })
    void badTablesAreNamedInOneLine(String json, String message) throws IOException {
        Files.writeString(table, json == null ? "" : json);
        assertThat(run("--max-bytes", "100")).isEqualTo(1);
        // an empty file is no JSON at all
        assertThat(err.toString())
                .contains(json == null ? "expected a JSON object" : message)
                .contains("t.json")
                .hasLineCount(1);
    }
}
