package dev.sagitta.kernel.gemm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.function.IntPredicate;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The product's cases hold every kind of asynchronous copy that its CUDA kernels make, whose filling with zeros is the hardware's and cannot
 * be shown by a simulation. A row of a multiple of 16 bytes is copied by 16: whole pieces, or, beyond the matrix's edge, 0 of 16 bytes;
 * a part of 16 never occurs, because the rows of an operand are dense. Any other row, and in fp32 an operand that is turned round, is copied
 * by 4, or 0 of 4 beyond the edge.
 */
class GemmRaggedTest {
    private static final int TILE = 64;
    /** Depth that one step of the kernels takes; the least of them. */
    private static final int STEP = 8;

    private static boolean edge(int extent) {
        return extent % TILE != 0;
    }

    /** A and B as stored: rows, and elements of a row. */
    private static int[][] operands(boolean ta, boolean tb, int[] s) {
        return new int[][] {
            ta ? new int[] {s[2], s[0]} : new int[] {s[0], s[2]}, tb ? new int[] {s[1], s[2]} : new int[] {s[2], s[1]}
        };
    }

    private static long count(int[][] sizes, boolean ta, boolean tb, int operand, IntPredicate rows, IntPredicate row) {
        return Arrays.stream(sizes)
                .map(s -> operands(ta, tb, s)[operand])
                .filter(stored -> rows.test(stored[0]) && row.test(stored[1]))
                .count();
    }

    @ParameterizedTest(name = "{0} elements in 16 bytes, transposed: A {1}, B {2}")
    @CsvSource({
        "4, false, false", "4, false, true", "4, true, false", "4, true, true",
        "8, false, false", "8, false, true", "8, true, false", "8, true, true"
    })
    void theCasesHoldEveryKindOfCopy(int wide, boolean ta, boolean tb) {
        // TF32 (4 elements in 16 bytes) has the sizes of the 16-bit types
        int[][][] all = wide == 4
                ? new int[][][] {GemmKernelTest.SIZES, GemmKernelTest.FEW_SIZES}
                : new int[][][] {GemmKernelTest.FEW_SIZES};
        for (int[][] sizes : all) {
            for (int operand = 0; operand < 2; operand++) {
                String what = "operand " + "AB".charAt(operand);
                assertThat(count(sizes, ta, tb, operand, rows -> true, row -> row % wide == 0 && edge(row)))
                        .as(what + ": 0 of 16 bytes beyond the end of a row")
                        .isPositive();
                assertThat(count(sizes, ta, tb, operand, GemmRaggedTest::edge, row -> row % wide == 0))
                        .as(what + ": 0 of 16 bytes beyond the last row")
                        .isPositive();
                for (int left = 1; left < Math.min(wide, 4); left++) {
                    int rest = left;
                    assertThat(count(sizes, ta, tb, operand, rows -> true, row -> row % 4 == rest && row > wide))
                            .as(what + ": rows that end " + rest + " elements into a piece")
                            .isPositive();
                }
                assertThat(count(sizes, ta, tb, operand, GemmRaggedTest::edge, row -> row % wide != 0))
                        .as(what + ": 0 of 4 bytes beyond the last row")
                        .isPositive();
            }
            assertThat(Arrays.stream(sizes).filter(s -> s[2] > TILE && s[2] % STEP != 0))
                    .as("a depth that ends within a step, after whole ones")
                    .isNotEmpty();
        }
    }
}
