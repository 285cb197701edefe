package dev.sagitta.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Work.Chunks;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The shares of work are fixed: the order of sums, and with it their bits, follow from them. */
class WorkTest {
    private static final int UNITS = 132;

    /** Rows, columns, probes; geometries of row sums, rows and element sums, and chunks, on {@link #UNITS} multiprocessors or cores. */
    static Stream<Arguments> shares() {
        return Stream.of(
                Arguments.of(
                        DeviceKind.CUDA,
                        256L,
                        10,
                        1,
                        "grid 1x1x1 block 2x128x1",
                        "grid 16x1x1 block 16x16x1",
                        "grid 1x1x1 block 256x1x1",
                        "Chunks[count=1, length=4096]"),
                Arguments.of(
                        DeviceKind.CUDA,
                        1L,
                        1,
                        1,
                        "grid 1x1x1 block 1x256x1",
                        "grid 1x1x1 block 1x256x1",
                        "grid 1x1x1 block 256x1x1",
                        "Chunks[count=1, length=4096]"),
                Arguments.of(
                        DeviceKind.CUDA,
                        60000L,
                        10,
                        1,
                        "grid 469x1x1 block 2x128x1",
                        "grid 3750x1x1 block 16x16x1",
                        "grid 585x1x1 block 256x1x1",
                        "Chunks[count=147, length=4096]"),
                Arguments.of(
                        DeviceKind.CUDA,
                        32768L,
                        1000,
                        4,
                        "grid 528x1x1 block 64x4x1",
                        "grid 32768x4x1 block 256x1x1",
                        "grid 792x4x1 block 256x1x1",
                        "Chunks[count=1524, length=21504]"),
                Arguments.of(
                        DeviceKind.CUDA,
                        8192L,
                        50257,
                        2,
                        "grid 528x1x1 block 512x1x1",
                        "grid 8192x2x1 block 256x1x1",
                        "grid 792x2x1 block 256x1x1",
                        "Chunks[count=3166, length=130048]"),
                Arguments.of(
                        DeviceKind.CUDA,
                        6442450944L,
                        100,
                        16,
                        "grid 528x1x1 block 16x16x1",
                        "grid 1048576x16x1 block 128x2x1",
                        "grid 792x16x1 block 256x1x1",
                        "Chunks[count=396, length=1626882048]"),
                Arguments.of(
                        DeviceKind.CUDA,
                        100L,
                        4097,
                        1,
                        "grid 100x1x1 block 512x1x1",
                        "grid 100x1x1 block 256x1x1",
                        "grid 400x1x1 block 256x1x1",
                        "Chunks[count=101, length=4096]"),
                Arguments.of(
                        DeviceKind.OPENCL_GPU,
                        256L,
                        10,
                        1,
                        "grid 1x1x1 block 2x128x1",
                        "grid 16x1x1 block 16x16x1",
                        "grid 1x1x1 block 256x1x1",
                        "Chunks[count=1, length=4096]"),
                Arguments.of(
                        DeviceKind.OPENCL_GPU,
                        1L,
                        1,
                        1,
                        "grid 1x1x1 block 1x256x1",
                        "grid 1x1x1 block 1x256x1",
                        "grid 1x1x1 block 256x1x1",
                        "Chunks[count=1, length=4096]"),
                Arguments.of(
                        DeviceKind.OPENCL_GPU,
                        60000L,
                        10,
                        1,
                        "grid 469x1x1 block 2x128x1",
                        "grid 3750x1x1 block 16x16x1",
                        "grid 585x1x1 block 256x1x1",
                        "Chunks[count=147, length=4096]"),
                Arguments.of(
                        DeviceKind.OPENCL_GPU,
                        32768L,
                        1000,
                        4,
                        "grid 528x1x1 block 128x2x1",
                        "grid 32768x4x1 block 256x1x1",
                        "grid 792x4x1 block 256x1x1",
                        "Chunks[count=1524, length=21504]"),
                Arguments.of(
                        DeviceKind.OPENCL_GPU,
                        8192L,
                        50257,
                        2,
                        "grid 528x1x1 block 256x1x1",
                        "grid 8192x2x1 block 256x1x1",
                        "grid 792x2x1 block 256x1x1",
                        "Chunks[count=3166, length=130048]"),
                Arguments.of(
                        DeviceKind.OPENCL_GPU,
                        6442450944L,
                        100,
                        16,
                        "grid 528x1x1 block 16x16x1",
                        "grid 1048576x16x1 block 128x2x1",
                        "grid 792x16x1 block 256x1x1",
                        "Chunks[count=396, length=1626882048]"),
                Arguments.of(
                        DeviceKind.OPENCL_GPU,
                        100L,
                        4097,
                        1,
                        "grid 100x1x1 block 256x1x1",
                        "grid 100x1x1 block 256x1x1",
                        "grid 400x1x1 block 256x1x1",
                        "Chunks[count=101, length=4096]"),
                Arguments.of(
                        DeviceKind.OPENCL_CPU,
                        256L,
                        10,
                        1,
                        "grid 1x1x1 block 1x1x1",
                        "grid 1x1x1 block 1x1x1",
                        "grid 1x1x1 block 1x1x1",
                        "Chunks[count=1, length=8192]"),
                Arguments.of(
                        DeviceKind.OPENCL_CPU,
                        1L,
                        1,
                        1,
                        "grid 1x1x1 block 1x1x1",
                        "grid 1x1x1 block 1x1x1",
                        "grid 1x1x1 block 1x1x1",
                        "Chunks[count=1, length=8192]"),
                Arguments.of(
                        DeviceKind.OPENCL_CPU,
                        60000L,
                        10,
                        1,
                        "grid 73x1x1 block 1x1x1",
                        "grid 1056x1x1 block 1x1x1",
                        "grid 36x1x1 block 1x1x1",
                        "Chunks[count=74, length=8192]"),
                Arguments.of(
                        DeviceKind.OPENCL_CPU,
                        32768L,
                        1000,
                        4,
                        "grid 1024x1x1 block 1x1x1",
                        "grid 1056x4x1 block 1x1x1",
                        "grid 1024x4x1 block 1x1x1",
                        "Chunks[count=263, length=124928]"),
                Arguments.of(
                        DeviceKind.OPENCL_CPU,
                        8192L,
                        50257,
                        2,
                        "grid 1024x1x1 block 1x1x1",
                        "grid 1056x2x1 block 1x1x1",
                        "grid 1024x2x1 block 1x1x1",
                        "Chunks[count=528, length=780288]"),
                Arguments.of(
                        DeviceKind.OPENCL_CPU,
                        6442450944L,
                        100,
                        16,
                        "grid 1024x1x1 block 1x1x1",
                        "grid 1056x16x1 block 1x1x1",
                        "grid 1024x16x1 block 1x1x1",
                        "Chunks[count=66, length=9761290240]"),
                Arguments.of(
                        DeviceKind.OPENCL_CPU,
                        100L,
                        4097,
                        1,
                        "grid 50x1x1 block 1x1x1",
                        "grid 100x1x1 block 1x1x1",
                        "grid 25x1x1 block 1x1x1",
                        "Chunks[count=51, length=8192]"));
    }

    @ParameterizedTest
    @MethodSource("shares")
    void sharesAreFixed(
            DeviceKind kind,
            long n,
            long c,
            long probes,
            String rowSums,
            String rows,
            String elementSums,
            String chunks) {
        assertThat(Work.rowSums(kind, UNITS, n, c, probes)).hasToString(rowSums);
        assertThat(Work.rows(kind, UNITS, n, c, probes)).hasToString(rows);
        assertThat(Work.elementSums(kind, UNITS, n * c, probes)).hasToString(elementSums);
        assertThat(Chunks.of(kind, UNITS, n * c, probes, Long.MAX_VALUE)).hasToString(chunks);
    }

    /** Beyond 2^31 elements: every extent of the grid fits and every row is reached. */
    @Test
    void largeProblems() {
        long many = 3L << 31;
        for (DeviceKind kind : DeviceKind.values()) {
            for (long c : new long[] {1, 2, 100, 50_257, (1L << 30) - 1}) {
                Geometry g = Work.rowSums(kind, UNITS, many, c, 1L << 20);
                assertThat(g.gridX()).isBetween(1, GroupSums.MOST);
                assertThat(g.blockX() * g.blockY()).isLessThanOrEqualTo(512);
            }
            assertThat(Work.rows(kind, UNITS, many, 1, 1L << 20).gridX()).isPositive();
            assertThat(Work.elementSums(kind, UNITS, many, 1L << 20).gridX()).isBetween(1, GroupSums.MOST);
        }
        for (String name : TestDevices.names()) {
            for (int group : new int[] {64, 256, 1024}) {
                Geometry geometry = Work.pieces(TestDevices.get(name), (1L << 40) / group, group, (1L << 40) / 8);
                assertThat((long) geometry.gridX() * geometry.blockX())
                        .isGreaterThanOrEqualTo(geometry.blockX() == 1 ? 1 : (1L << 40) / 8);
            }
        }
    }

    /** No multiprocessor has more to do than another. */
    @Test
    void largeProblemsAreSharedOutEvenly() {
        for (int units : new int[] {46, 108, UNITS, 2000}) {
            int even = Math.min(units, GroupSums.MOST);
            assertThat(Work.rowSums(DeviceKind.CUDA, units, 1 << 20, 1000, 1).gridX() % even)
                    .isZero();
            assertThat(Work.elementSums(DeviceKind.CUDA, units, 1 << 26, 1).gridX() % even)
                    .isZero();
        }
    }

    /** One launch where the work is small. */
    @Test
    void smallProblemsAreOneGroup() {
        for (DeviceKind kind : DeviceKind.values()) {
            assertThat(Work.rowSums(kind, 2, 256, 10, 1).gridX()).isEqualTo(1);
            assertThat(Work.elementSums(kind, 2, 2560, 1).gridX()).isEqualTo(1);
        }
    }

    @Test
    void chunksCoverAnyExtent() {
        for (DeviceKind kind : DeviceKind.values()) {
            for (long n : new long[] {1, 1024, 1025, (1L << 31) - 1, (1L << 31) + 5, 3L << 32}) {
                Chunks chunks = Chunks.of(kind, UNITS, n, 1, Long.MAX_VALUE);
                assertThat(chunks.length() % 1024).isZero();
                assertThat(chunks.count() * chunks.length()).isGreaterThanOrEqualTo(n);
                assertThat((chunks.count() - 1) * chunks.length()).isLessThan(n);
            }
        }
    }

    /** A reduction's last wave of work-groups is nearly full, whether a multiprocessor runs 2, 3, 4 or 6 at once. */
    @Test
    void chunksFillWholeWaves() {
        for (int multiprocessors : new int[] {108, 114, UNITS}) {
            for (long n : new long[] {1L << 25, 1L << 26, 1L << 28}) {
                Chunks chunks = Chunks.of(DeviceKind.CUDA, multiprocessors, n, 1, Long.MAX_VALUE);
                for (int atOnce : new int[] {2, 3, 4, 6}) {
                    double waves = (double) chunks.count() / (atOnce * multiprocessors);
                    assertThat(waves / Math.ceil(waves))
                            .as("%d elements, %d multiprocessors of %d", n, multiprocessors, atOnce)
                            .isGreaterThan(0.97);
                }
            }
        }
    }
}
