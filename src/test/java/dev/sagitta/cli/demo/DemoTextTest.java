package dev.sagitta.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoTextTest {
    @TempDir
    Path home;

    private final String before = System.getProperty(DemoText.HOME);

    @AfterEach
    void restore() {
        if (before == null) {
            System.clearProperty(DemoText.HOME);
        } else {
            System.setProperty(DemoText.HOME, before);
        }
    }

    private Path write(String path) throws Exception {
        Path file = home.resolve(path);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, "text of " + path);
    }

    @Test
    void readsSourcesAndDocumentsAndNothingBuilt() throws Exception {
        Path readme = write("README.md");
        Path source = write("src/main/java/a/A.java");
        Path kernel = write("kernels/loss/x.cl");
        write("target/B.java");
        write("native/simcuda/build/x.cpp");
        write("src/main/resources/x.bin");
        System.setProperty(DemoText.HOME, home.toString());
        try (DemoText text = DemoText.find()) {
            assertThat(text.files()).containsExactly(readme, source, kernel);
        }
        assertThat(readme).exists();
    }

    @Test
    void fallsBackToTheKernelsOfTheClassPath() {
        System.setProperty(DemoText.HOME, home.toString());
        try (DemoText text = DemoText.find()) {
            assertThat(text.files()).isNotEmpty().allSatisfy(file -> assertThat(file)
                    .exists());
        }
    }
}
