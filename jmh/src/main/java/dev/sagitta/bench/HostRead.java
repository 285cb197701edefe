package dev.sagitta.bench;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLong;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** How fast all cores read memory: the C library's memchr looks for a byte that is not there, each thread in a part of its own. */
final class HostRead implements AutoCloseable {
    private static final int ABSENT = 1;

    private final long bytes;
    private final Memory memory;
    private final Function memchr = Function.getFunction("c", "memchr");
    private final List<Callable<Object>> parts = new ArrayList<>();
    private final ExecutorService threads;

    HostRead(long bytes, int threadCount) {
        this.bytes = bytes;
        memory = new Memory(bytes);
        memory.clear();
        threads = Executors.newFixedThreadPool(threadCount);
        long part = bytes / threadCount;
        for (int i = 0; i < threadCount; i++) {
            Object[] arguments = {memory.share(i * part), ABSENT, new NativeLong(part)};
            parts.add(() -> memchr.invokePointer(arguments));
        }
    }

    long bytes() {
        return bytes;
    }

    void run(int count) {
        try {
            for (int i = 0; i < count; i++) {
                for (var part : threads.invokeAll(parts)) {
                    part.get();
                }
            }
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException("reading memory failed: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        threads.shutdown();
        memory.close();
    }
}
