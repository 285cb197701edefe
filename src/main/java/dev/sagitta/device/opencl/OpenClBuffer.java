package dev.sagitta.device.opencl;

import static org.jocl.CL.*;

import dev.sagitta.device.Buffer;
import org.jocl.cl_buffer_region;
import org.jocl.cl_mem;

/** A cl_mem: allocated, a sub-buffer, or foreign. */
public final class OpenClBuffer extends Buffer {
    private final cl_mem memory;
    private final boolean ownsHandle;
    private final OpenClBuffer root;
    private final long rootOffset;

    OpenClBuffer(OpenClDevice device, OpenClBuffer parent, cl_mem memory, long bytes, String label, boolean ownsHandle) {
        this(device, parent, parent, 0, memory, bytes, label, ownsHandle);
    }

    private OpenClBuffer(
            OpenClDevice device,
            OpenClBuffer parent,
            OpenClBuffer root,
            long rootOffset,
            cl_mem memory,
            long bytes,
            String label,
            boolean ownsHandle) {
        super(device, parent, bytes, label);
        this.memory = memory;
        this.ownsHandle = ownsHandle;
        this.root = root;
        this.rootOffset = rootOffset;
    }

    /** The driver's handle, for a caller who enqueues work of their own. */
    public cl_mem memory() {
        return memory;
    }

    @Override
    protected Buffer sliceOf(long offset, long length, String label) {
        // OpenCL knows no sub-buffer of a sub-buffer, so slices are always taken of the allocation
        OpenClBuffer base = root == null ? this : root;
        long start = rootOffset + offset;
        int[] status = new int[1];
        cl_buffer_region region = new cl_buffer_region(start, Math.max(1, length));
        cl_mem sub = clCreateSubBuffer(base.memory, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, region, status);
        OpenCl.check(status[0], "clCreateSubBuffer '" + label + "' [" + start + ", +" + length + ") of " + base);
        return new OpenClBuffer((OpenClDevice) device(), this, base, start, sub, length, label, true);
    }

    @Override
    protected void release() {
        if (ownsHandle) {
            OpenCl.check(clReleaseMemObject(memory), "clReleaseMemObject " + this);
        }
    }
}
