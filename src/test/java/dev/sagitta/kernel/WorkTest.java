package dev.sagitta.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Work.Chunks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The shares of work are fixed: the order of sums, and with it their bits, follow from them. */
class WorkTest {
    private static final int UNITS = 132;

    /** On {@link #UNITS} multiprocessors or cores. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                // device | n | c | probes | row sums | rows | element sums | chunks, length
                "CUDA | 256 | 10 | 1 | grid 1x1x1 block 2x128x1 | grid 16x1x1 block 16x16x1 | grid 1x1x1 block 256x1x1 | 1 | 4096",
                "CUDA | 1 | 1 | 1 | grid 1x1x1 block 1x256x1 | grid 1x1x1 block 1x256x1 | grid 1x1x1 block 256x1x1 | 1 | 4096",
                "CUDA | 60000 | 10 | 1 | grid 469x1x1 block 2x128x1 | grid 3750x1x1 block 16x16x1 | grid 585x1x1 block 256x1x1 | 147 | 4096",
                "CUDA | 32768 | 1000 | 4 | grid 528x1x1 block 64x4x1 | grid 32768x4x1 block 256x1x1 | grid 792x4x1 block 256x1x1 | 1524 | 21504",
                "CUDA | 8192 | 50257 | 2 | grid 528x1x1 block 512x1x1 | grid 8192x2x1 block 256x1x1 | grid 792x2x1 block 256x1x1 | 3166 | 130048",
                "CUDA | 6442450944 | 100 | 16 | grid 528x1x1 block 16x16x1 | grid 1048576x16x1 block 128x2x1 | grid 792x16x1 block 256x1x1 | 396 | 1626882048",
                "CUDA | 100 | 4097 | 1 | grid 100x1x1 block 512x1x1 | grid 100x1x1 block 256x1x1 | grid 400x1x1 block 256x1x1 | 101 | 4096",
                "OPENCL_GPU | 256 | 10 | 1 | grid 1x1x1 block 2x128x1 | grid 16x1x1 block 16x16x1 | grid 1x1x1 block 256x1x1 | 1 | 4096",
                "OPENCL_GPU | 1 | 1 | 1 | grid 1x1x1 block 1x256x1 | grid 1x1x1 block 1x256x1 | grid 1x1x1 block 256x1x1 | 1 | 4096",
                "OPENCL_GPU | 60000 | 10 | 1 | grid 469x1x1 block 2x128x1 | grid 3750x1x1 block 16x16x1 | grid 585x1x1 block 256x1x1 | 147 | 4096",
                "OPENCL_GPU | 32768 | 1000 | 4 | grid 528x1x1 block 128x2x1 | grid 32768x4x1 block 256x1x1 | grid 792x4x1 block 256x1x1 | 1524 | 21504",
                "OPENCL_GPU | 8192 | 50257 | 2 | grid 528x1x1 block 256x1x1 | grid 8192x2x1 block 256x1x1 | grid 792x2x1 block 256x1x1 | 3166 | 130048",
                "OPENCL_GPU | 6442450944 | 100 | 16 | grid 528x1x1 block 16x16x1 | grid 1048576x16x1 block 128x2x1 | grid 792x16x1 block 256x1x1 | 396 | 1626882048",
                "OPENCL_GPU | 100 | 4097 | 1 | grid 100x1x1 block 256x1x1 | grid 100x1x1 block 256x1x1 | grid 400x1x1 block 256x1x1 | 101 | 4096",
                "OPENCL_CPU | 256 | 10 | 1 | grid 1x1x1 block 1x1x1 | grid 1x1x1 block 1x1x1 | grid 1x1x1 block 1x1x1 | 1 | 8192",
                "OPENCL_CPU | 1 | 1 | 1 | grid 1x1x1 block 1x1x1 | grid 1x1x1 block 1x1x1 | grid 1x1x1 block 1x1x1 | 1 | 8192",
                "OPENCL_CPU | 60000 | 10 | 1 | grid 73x1x1 block 1x1x1 | grid 1056x1x1 block 1x1x1 | grid 36x1x1 block 1x1x1 | 74 | 8192",
                "OPENCL_CPU | 32768 | 1000 | 4 | grid 1024x1x1 block 1x1x1 | grid 1056x4x1 block 1x1x1 | grid 1024x4x1 block 1x1x1 | 263 | 124928",
                "OPENCL_CPU | 8192 | 50257 | 2 | grid 1024x1x1 block 1x1x1 | grid 1056x2x1 block 1x1x1 | grid 1024x2x1 block 1x1x1 | 528 | 780288",
                "OPENCL_CPU | 6442450944 | 100 | 16 | grid 1024x1x1 block 1x1x1 | grid 1056x16x1 block 1x1x1 | grid 1024x16x1 block 1x1x1 | 66 | 9761290240",
                "OPENCL_CPU | 100 | 4097 | 1 | grid 50x1x1 block 1x1x1 | grid 100x1x1 block 1x1x1 | grid 25x1x1 block 1x1x1 | 51 | 8192"
            })
    void sharesAreFixed(
            DeviceKind kind,
            long n,
            long c,
            long probes,
            String rowSums,
            String rows,
            String elementSums,
            long count,
            long length) {
        assertThat(Work.rowSums(kind, UNITS, n, c, probes)).hasToString(rowSums);
        assertThat(Work.rows(kind, UNITS, n, c, probes)).hasToString(rows);
        assertThat(Work.elementSums(kind, UNITS, n * c, probes)).hasToString(elementSums);
        assertThat(Chunks.of(kind, UNITS, n * c, probes, Long.MAX_VALUE)).isEqualTo(new Chunks(count, length));
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
