package dev.sagitta.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AtomicFileTest {
    @TempDir
    Path folder;

    @Test
    void theFileAppearsWholeAndNothingElseStays() throws IOException {
        Path path = folder.resolve("out.txt");
        AtomicFile.writeText(path, "first");
        AtomicFile.writeText(path, "second");
        assertThat(path).hasContent("second");
        assertThat(folder.toFile().list()).containsExactly("out.txt");
    }

    @Test
    void untilTheCommitTheOldContentsStand() throws IOException {
        Path path = folder.resolve("out.txt");
        AtomicFile.writeText(path, "old");
        try (AtomicFile file = AtomicFile.create(path)) {
            file.write(ByteBuffer.wrap(new byte[100]));
            assertThat(path).hasContent("old");
        }
        assertThat(path).hasContent("old");
        assertThat(folder.toFile().list()).containsExactly("out.txt");
    }

    @Test
    void aFailureLeavesNothingBehind() {
        Path path = folder.resolve("out.txt");
        assertThatThrownBy(() -> AtomicFile.write(path, out -> {
                    out.write(new byte[1_000_000]);
                    throw new IOException("No space left on device");
                }))
                .isInstanceOf(DataException.class)
                .hasMessage("cannot write " + path + ": No space left on device");
        assertThatThrownBy(() -> AtomicFile.write(path, out -> {
                    throw new IllegalStateException("a bug");
                }))
                .isInstanceOf(IllegalStateException.class);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aFullDiskIsNamed() {
        Path full = Path.of("/dev/full");
        Assumptions.assumeTrue(Files.exists(full));
        assertThatThrownBy(() -> AtomicFile.writeText(full, "x"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("cannot write /dev/full: No space left on device");
        assertThat(full).exists();
        AtomicFile.writeText(Path.of("/dev/null"), "x");
        assertThat(Files.isRegularFile(Path.of("/dev/null"))).isFalse();
    }

    @Test
    void unwritablePathsAreNamed() throws IOException {
        Path absent = folder.resolve("absent/out.txt");
        assertThatThrownBy(() -> AtomicFile.requireWritable(absent))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("cannot write " + absent + ": there is no folder");
        assertThatThrownBy(() -> AtomicFile.requireWritable(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("it is a folder");
        Path inFile = Files.writeString(folder.resolve("file"), "x").resolve("out.txt");
        assertThatThrownBy(() -> AtomicFile.requireWritable(inFile)).isInstanceOf(DataException.class);
        Path tooLong = folder.resolve("x".repeat(300));
        assertThatThrownBy(() -> AtomicFile.writeText(tooLong, "x"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("cannot write");
        assertThat(folder.toFile().list()).containsExactly("file");
        AtomicFile.requireWritable(folder.resolve("good"));
        assertThat(folder.toFile().list()).containsExactly("file");
    }

    @Test
    void aSymbolicLinkIsFollowed() throws IOException {
        Path target = Files.writeString(folder.resolve("target"), "old");
        Path link = Files.createSymbolicLink(folder.resolve("link"), target);
        AtomicFile.writeText(link, "new");
        assertThat(target).hasContent("new");
        assertThat(Files.isSymbolicLink(link)).isTrue();
    }

    @Test
    void messagesAreOnePrintableLine() {
        assertThat(new DataException("a\nb\u001b[31m\u202e" + "x".repeat(10_000)).getMessage())
                .startsWith("a\\u000ab\\u001b[31m\\u202e")
                .hasSizeLessThan(700)
                .matches("\\P{Cntrl}*");
    }
}
