package dev.sagitta.device.cuda;

import dev.sagitta.device.DeviceException;
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
 * Host memory for kernel arguments, the driver's logs and copies, in blocks cut from page-locked slabs. The device copies to and from it
 * without the driver's help. And cuLaunchKernel wants an array of addresses of values; Java can write addresses into memory only where it
 * knows them, and of all host memory that JCuda hands out this is the kind whose address it tells. So a launch is one pointer that never
 * changes, and neither JCuda nor we allocate anything for it.
 */
final class PageLockedMemory {
    private static final int SLAB = 64 << 10;
    private static final int GRAIN = 128;

    private final List<Pointer> slabs = new ArrayList<>();
    private final Map<Integer, Deque<Block>> free = new HashMap<>();
    private ByteBuffer slab;
    private long slabAddress;
    private Pointer slabPointer;

    /** {@code bytes} at {@code address}, reached by the driver through {@code pointer} and by us through {@code memory}. */
    record Block(Pointer pointer, long address, ByteBuffer memory) {}

    /** At least {@code bytes}, contents undefined; a {@link DeviceException} where the driver refuses. */
    synchronized Block take(int bytes) {
        int size = Math.max(GRAIN, (bytes + GRAIN - 1) / GRAIN * GRAIN);
        Deque<Block> returned = free.get(size);
        if (returned != null && !returned.isEmpty()) {
            return returned.pop();
        }
        if (size >= SLAB) {
            Pointer own = newSlab(size);
            return new Block(own, Address.of(own), own.getByteBuffer(0, size).order(ByteOrder.nativeOrder()));
        }
        if (slab == null || slab.remaining() < size) {
            slabPointer = newSlab(SLAB);
            slabAddress = Address.of(slabPointer);
            slab = slabPointer.getByteBuffer(0, SLAB);
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

    /** Takes a block back, of which the device must have no work left. */
    synchronized void give(Block block) {
        free.computeIfAbsent(block.memory().capacity(), size -> new ArrayDeque<>())
                .push(block);
    }

    private Pointer newSlab(int bytes) {
        Pointer pointer = new Pointer();
        Cuda.check(
                JCudaDriver.cuMemAllocHost(pointer, bytes),
                "cuMemAllocHost of " + bytes + " bytes, page-locked, for arguments or copies");
        slabs.add(pointer);
        return pointer;
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
