package dev.sagitta.io.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
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

    /** 255 bytes of name are valid: of ASCII, of three-byte characters, of pairs of surrogates. */
    @Test
    void theLongestNamesAreWritten() throws IOException {
        for (String name : new String[] {"x".repeat(255), "\u4e16".repeat(85), "\ud83d\ude00".repeat(63)}) {
            Path path = folder.resolve(name);
            AtomicFile.requireWritable(path);
            AtomicFile.writeText(path, "first");
            AtomicFile.writeText(path, "second");
            assertThat(path).hasContent("second");
        }
    }

    @Test
    void permissionsOfTheFileReplacedAreKept() throws IOException {
        Assumptions.assumeTrue(Files.getFileStore(folder).supportsFileAttributeView("posix"));
        Path fresh = Files.writeString(folder.resolve("fresh"), "by umask");
        for (String mode : new String[] {"rw-------", "rw-rw-r--", "rwxr-x---", "rw-rw-rw-"}) {
            Path path = folder.resolve("out.txt");
            Files.writeString(path, "old");
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
            AtomicFile.requireWritable(path);
            try (AtomicFile file = AtomicFile.create(path)) {
                for (String name : folder.toFile().list()) {
                    if (name.endsWith(".tmp")) {
                        // meanwhile no one else reads it
                        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve(name))))
                                .isEqualTo("rw-------");
                    }
                }
                file.commit();
            }
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                    .isEqualTo(mode);
        }
        AtomicFile.writeText(folder.resolve("new"), "x");
        assertThat(Files.getPosixFilePermissions(folder.resolve("new")))
                .isEqualTo(Files.getPosixFilePermissions(fresh));
    }

    @Test
    void ownerAndGroupOfTheFileReplacedAreKept() throws IOException {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "only root gives files away");
        Path path = Files.writeString(folder.resolve("out.txt"), "old");
        Files.setAttribute(path, "unix:uid", 4321);
        Files.setAttribute(path, "unix:gid", 1234);
        AtomicFile.writeText(path, "new");
        assertThat(Files.getAttribute(path, "unix:uid")).isEqualTo(4321);
        assertThat(Files.getAttribute(path, "unix:gid")).isEqualTo(1234);
    }

    @Test
    void aDanglingLinkIsFollowed() throws IOException {
        Path inner = Files.createSymbolicLink(folder.resolve("inner"), Path.of("target"));
        Path outer = Files.createSymbolicLink(folder.resolve("outer"), inner);
        AtomicFile.requireWritable(outer);
        AtomicFile.writeText(outer, "new");
        assertThat(Files.isSymbolicLink(outer)).isTrue();
        assertThat(Files.isSymbolicLink(inner)).isTrue();
        assertThat(folder.resolve("target")).hasContent("new");
        Path nowhere = Files.createSymbolicLink(folder.resolve("nowhere"), Path.of("absent/target"));
        assertThatThrownBy(() -> AtomicFile.requireWritable(nowhere))
                .isInstanceOf(DataException.class)
                .hasMessage("cannot write " + nowhere + ": there is no folder "
                        + folder.toRealPath().resolve("absent") + "; make it first");
        Path circle = Files.createSymbolicLink(folder.resolve("circle"), Path.of("circle"));
        assertThatThrownBy(() -> AtomicFile.requireWritable(circle))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith("cannot write " + circle);
    }

    @Test
    @Timeout(60)
    void aPipeIsNotOpenedBeforeItIsWritten() throws Exception {
        Path pipe = folder.resolve("pipe");
        Assumptions.assumeTrue(Files.isExecutable(Path.of("/usr/bin/mkfifo")), "mkfifo");
        assertThat(new ProcessBuilder("/usr/bin/mkfifo", pipe.toString())
                        .start()
                        .waitFor())
                .isZero();
        AtomicFile.requireWritable(pipe);
        AtomicFile.requireAppendable(pipe);
        CompletableFuture<String> reader = CompletableFuture.supplyAsync(() -> {
            try (BufferedReader in = new BufferedReader(new FileReader(pipe.toFile(), StandardCharsets.UTF_8))) {
                return in.readLine();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        AtomicFile.requireWritable(pipe);
        AtomicFile.writeText(pipe, "all of it");
        assertThat(reader.get(30, TimeUnit.SECONDS)).isEqualTo("all of it");
        assertThat(folder.toFile().list()).containsExactly("pipe");
    }

    @Test
    void messagesAreOnePrintableLine() {
        assertThat(new DataException("a\nb\u001b[31m\u202e" + "x".repeat(10_000)).getMessage())
                .startsWith("a\\u000ab\\u001b[31m\\u202e")
                .hasSizeLessThan(700)
                .matches("\\P{Cntrl}*");
    }
}
