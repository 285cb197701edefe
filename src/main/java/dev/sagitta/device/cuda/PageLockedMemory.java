package dev.sagitta.device.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;

/**
 * Host memory for kernel arguments, in blocks cut from page-locked slabs. cuLaunchKernel wants an array of addresses of values; Java can
 * write addresses into memory only where it knows them, and of all host memory that JCuda hands out this is the kind whose address it
 * tells. So a launch is one pointer that never changes, and neither JCuda nor we allocate anything for it.
 */
final class LaunchMemory {
    private static final int SLAB = 64 << 10;
    private static final int GRAIN = 128;

    private final List<Pointer> slabs = new ArrayList<>();
    private final Map<Integer, Deque<Block>> free = new HashMap<>();
    private ByteBuffer slab;
    private long slabAddress;
    private Pointer slabPointer;

    /** {@code bytes} at {@code address}, reached by the driver through {@code pointer} and by us through {@code memory}. */
    record Block(Pointer pointer, long address, ByteBuffer memory) {}

    synchronized Block take(int bytes) {
        int size = Math.max(GRAIN, (bytes + GRAIN - 1) / GRAIN * GRAIN);
        Deque<Block> returned = free.get(size);
        if (returned != null && !returned.isEmpty()) {
            return returned.pop();
        }
        if (slab == null || slab.remaining() < size) {
            newSlab(Math.max(SLAB, size));
        }
        int start = slab.position();
        slab.position(start + size);
        ByteBuffer memory = slab.duplicate().order(ByteOrder.nativeOrder());
        memory.position(start).limit(start + size);
        return new Block(
                Address.offset(slabPointer, start),
                slabAddress + start,
                memory.slice().order(ByteOrder.nativeOrder()));
    }

    synchronized void give(Block block) {
        free.computeIfAbsent(block.memory().capacity(), size -> new ArrayDeque<>())
                .push(block);
    }

    private void newSlab(int bytes) {
        Pointer pointer = new Pointer();
        Cuda.check(
                JCudaDriver.cuMemAllocHost(pointer, bytes),
                "cuMemAllocHost of " + bytes + " bytes for kernel arguments");
        slabs.add(pointer);
        slabPointer = pointer;
        slabAddress = Address.of(pointer);
        slab = pointer.getByteBuffer(0, bytes);
    }

    synchronized void release() {
        for (Pointer pointer : slabs) {
            Cuda.check(JCudaDriver.cuMemFreeHost(pointer), "cuMemFreeHost");
        }
        slabs.clear();
        free.clear();
        slab = null;
    }
}
