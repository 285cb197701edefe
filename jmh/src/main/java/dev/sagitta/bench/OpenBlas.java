package dev.sagitta.bench;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import dev.sagitta.kernel.gemm.GemmProduct;
import java.util.Optional;

/** Debian's OpenBLAS as the yardstick of dense products, through JNA; absent where there is no libopenblas. */
final class OpenBlas {
    private static final int ROW_MAJOR = 101;
    private static final int PLAIN = 111;

    private final NativeLibrary library;
    private final Function sgemm;

    private OpenBlas(NativeLibrary library) {
        this.library = library;
        this.sgemm = library.getFunction("cblas_sgemm");
    }

    static Optional<OpenBlas> find() {
        for (String name : new String[] {"libopenblas.so.0", "openblas"}) {
            try {
                return Optional.of(new OpenBlas(NativeLibrary.getInstance(name)));
            } catch (LinkageError e) {
                // the next name; and the bundle has no JNA
            }
        }
        return Optional.empty();
    }

    String description() {
        return library.getFunction("openblas_get_config")
                .invokeString(new Object[0], false)
                .strip();
    }

    void setThreads(int threads) {
        library.getFunction("openblas_set_num_threads").invokeVoid(new Object[] {threads});
    }

    /** C = A B for each product of the batch, one call each: this OpenBLAS has no batched product. */
    void multiply(GemmProduct.Size size, Memory a, Memory b, Memory c) {
        int m = size.m();
        int n = size.n();
        int k = size.k();
        for (int z = 0; z < size.batch(); z++) {
            sgemm.invokeVoid(new Object[] {
                ROW_MAJOR,
                PLAIN,
                PLAIN,
                m,
                n,
                k,
                1f,
                a.share(4L * z * m * k),
                k,
                b.share(4L * z * k * n),
                n,
                0f,
                c.share(4L * z * m * n),
                n
            });
        }
    }

    /** Host memory, aligned for the widest vectors. */
    static Memory memory(float[] values) {
        Memory memory = (Memory) new Memory(4L * values.length + 64).align(64);
        memory.write(0, values, 0, values.length);
        return memory;
    }
}
