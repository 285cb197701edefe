package dev.sagitta.device.opencl;

import static org.jocl.CL.*;

import dev.sagitta.device.Buffer;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jocl.cl_buffer_region;
import org.jocl.cl_mem;

/** A cl_mem: allocated, a sub-buffer, or foreign. */
public final class OpenClBuffer extends Buffer {
    private final cl_mem memory;
    private final boolean ownsHandle;
    /** Handles of open slices. A sub-buffer keeps its parent's memory alive, so they are released with it. */
    private final Set<cl_mem> slices;

    OpenClBuffer(OpenClDevice device, cl_mem memory, long bytes, String label, boolean ownsHandle) {
        super(device, bytes, label, ownsHandle);
        this.memory = memory;
        this.ownsHandle = ownsHandle;
        this.slices = ConcurrentHashMap.newKeySet();
    }

    private OpenClBuffer(OpenClBuffer parent, long offset, cl_mem memory, long bytes, String label) {
        super(parent, offset, bytes, label);
        this.memory = memory;
        this.ownsHandle = true;
        this.slices = null;
    }

    /** The driver's handle, for a caller who enqueues work of their own. */
    public cl_mem memory() {
        return memory;
    }

    @Override
    protected Buffer sliceOf(long offset, long length, String label) {
        // OpenCL knows no sub-buffer of a sub-buffer, so slices are always taken of the allocation
        OpenClBuffer base = (OpenClBuffer) root();
        long start = rootOffset() + offset;
        // An empty sub-buffer is not allowed, nor one that begins at the end: an empty slice points at the first byte
        cl_buffer_region region = length > 0 ? new cl_buffer_region(start, length) : new cl_buffer_region(0, 1);
        int[] status = new int[1];
        cl_mem sub = clCreateSubBuffer(base.memory, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, region, status);
        OpenCl.check(status[0], "clCreateSubBuffer '" + label + "' [" + start + ", +" + length + ") of " + base);
        base.slices.add(sub);
        return new OpenClBuffer(this, offset, sub, length, label);
    }

    @Override
    protected void release() {
        OpenClBuffer base = (OpenClBuffer) root();
        if (base != this) {
            if (base.slices.remove(memory)) {
                OpenCl.check(clReleaseMemObject(memory), "clReleaseMemObject " + this);
            }
            return;
        }
        releaseSlices();
        if (ownsHandle) {
            ((OpenClDevice) device()).freed(memory);
            OpenCl.check(clReleaseMemObject(memory), "clReleaseMemObject " + this);
        }
    }

    private void releaseSlices() {
        for (cl_mem slice : slices) {
            if (slices.remove(slice)) {
                OpenCl.check(clReleaseMemObject(slice), "clReleaseMemObject of a slice of " + this);
            }
        }
    }
}
