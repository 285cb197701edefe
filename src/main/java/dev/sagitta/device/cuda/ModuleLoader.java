package dev.sagitta.device.cuda;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;
import jcuda.Pointer;
import jcuda.driver.CUjit_option;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;

/**
 * Hands module images to the driver from memory outside the Java heap: JCuda's calls that take an array hold the garbage collector off
 * until the driver has finished, which is seconds where it translates PTX. The driver writes its reasons into a log beside the addresses
 * that it is given, all in page-locked memory, whose address is known.
 */
final class ModuleLoader {
    private static final int LOG_BYTES = 8 << 10;
    private static final int SLOT = 8;
    private static final int[] OPTIONS = {
        CUjit_option.CU_JIT_ERROR_LOG_BUFFER, CUjit_option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES
    };

    private final PageLockedMemory memory;
    /** Kept for the life of the context, in case a driver writes to it when a function is first used. */
    private PageLockedMemory.Block block;

    ModuleLoader(PageLockedMemory memory) {
        this.memory = memory;
    }

    /** A copy outside the heap, ended by a zero as PTX has to be. */
    static ByteBuffer outsideHeap(byte[] image) {
        return ByteBuffer.allocateDirect(image.length + 1).put(image).rewind();
    }

    /** The driver's status; {@link #log} says more. */
    int load(CUmodule module, ByteBuffer image) {
        if (block == null) {
            block = memory.take(SLOT * OPTIONS.length + LOG_BYTES);
        }
        block.memory().putLong(0, block.address() + SLOT * OPTIONS.length);
        block.memory().putLong(SLOT, LOG_BYTES - 1);
        block.memory().put(SLOT * OPTIONS.length, (byte) 0);
        return JCudaDriver.cuModuleLoadDataEx(module, Pointer.to(image), OPTIONS.length, OPTIONS, block.pointer());
    }

    /** What the driver wrote about the last image, in one line that follows an error; empty where that is nothing. */
    String log() {
        byte[] text = new byte[LOG_BYTES];
        block.memory().get(SLOT * OPTIONS.length, text);
        int length = 0;
        while (length < text.length && text[length] != 0) {
            length++;
        }
        String log = new String(text, 0, length, StandardCharsets.UTF_8)
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .collect(Collectors.joining(" | "));
        return log.isEmpty() ? "" : ", the driver's log says '" + log + "'";
    }
}
