package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An option that another one leaves without effect is said, not ignored. The checkpoints are absent: nothing is computed. */
class OptionsWithoutEffectTest {
    @TempDir
    Path folder;

    private CommandRun run(String command, Object... more) {
        List<Object> words = new ArrayList<>(List.of(command, "--checkpoint", folder.resolve("absent")));
        words.addAll(List.of(more));
        return CommandRun.of(words.toArray());
    }

    private CommandRun quantize(Object... more) {
        List<Object> words = new ArrayList<>(List.of("--out", folder.resolve("Q"), "--text", folder.resolve("T")));
        words.addAll(List.of(more));
        return run("quantize", words.toArray());
    }

    @Test
    void bitsOfferedToNoWeightAreAnError() {
        quantize("--uniform", 4, "--bits", "2,4")
                .failed(2, "--bits has no effect: --uniform gives each weight its bits");
        quantize("--plan", folder.resolve("P"), "--bits", "2,4")
                .failed(2, "--bits has no effect: --plan gives each weight its bits");
        quantize("--average-bits", 3, "--bits", "2,4").failed(1, "no such file");
        quantize("--uniform", 4).failed(1, "no such file");
    }

    @Test
    void aStreamTakesOneCheckpoint() {
        CommandRun.of("train", "--model", "mlp", "--text", "T", "--out", "/dev/null", "--checkpoint-every", 5)
                .failed(2, "--checkpoint-every has no effect: --out is a stream and takes one checkpoint");
    }

    @Test
    void aSeedOfNothingIsNoted() {
        String[] hvp = {
            "--vector", "V", "--text", "T", "--out", folder.resolve("H").toString(), "--seed", "3"
        };
        assertThat(run("hvp", (Object[]) hvp).err())
                .startsWith(
                        "sagitta hvp: --seed has no effect: nothing is drawn unless --activation-bits rounds at random\n");
        List<String> rounded = new ArrayList<>(List.of(hvp));
        rounded.addAll(List.of("--activation-bits", "4"));
        run("hvp", rounded.toArray()).failed(1, "no such file");
    }
}
