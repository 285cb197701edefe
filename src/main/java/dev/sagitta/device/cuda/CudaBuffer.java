package dev.sagitta.device.cuda;

import dev.sagitta.device.Buffer;
import jcuda.driver.CUdeviceptr;

/** A range of device memory: allocated, a slice, or foreign. */
public final class CudaBuffer extends Buffer {
    private final CUdeviceptr pointer;
    private final boolean ownsMemory;

    CudaBuffer(CudaDevice device, CUdeviceptr pointer, long bytes, String label, boolean ownsMemory) {
        super(device, bytes, label, ownsMemory);
        this.pointer = pointer;
        this.ownsMemory = ownsMemory;
    }

    private CudaBuffer(CudaBuffer parent, long offset, long bytes, String label) {
        super(parent, offset, bytes, label);
        this.pointer = parent.pointer.withByteOffset(offset);
        this.ownsMemory = false;
    }

    /** The device address, for a caller who enqueues work of their own. */
    public CUdeviceptr pointer() {
        return pointer;
    }

    /** The device address of byte {@code offset}. */
    CUdeviceptr at(long offset) {
        return offset == 0 ? pointer : pointer.withByteOffset(offset);
    }

    /** {@link #pointer} as a number. */
    long address() {
        return Address.of(pointer);
    }

    @Override
    protected Buffer sliceOf(long offset, long length, String label) {
        return new CudaBuffer(this, offset, length, label);
    }

    @Override
    protected void release() {
        if (ownsMemory) {
            ((CudaDevice) device()).free(pointer, toString());
        }
    }
}
