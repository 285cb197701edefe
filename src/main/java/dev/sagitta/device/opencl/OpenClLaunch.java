package dev.sagitta.device.opencl;

import static org.jocl.CL.*;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.KernelSource;
import dev.sagitta.device.Launch;
import java.util.List;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_command_queue;
import org.jocl.cl_kernel;

/** A cl_kernel of its own with its arguments set, so that enqueueing is one driver call. */
final class OpenClLaunch extends Launch {
    private final cl_kernel kernel;
    private final int dimensions;
    private final long[] global;
    private final long[] local;
    private final int[] i32 = new int[1];
    private final long[] i64 = new long[1];
    private final float[] f32 = new float[1];
    private final Pointer i32Pointer = Pointer.to(i32);
    private final Pointer i64Pointer = Pointer.to(i64);
    private final Pointer f32Pointer = Pointer.to(f32);

    OpenClLaunch(OpenClDevice device, KernelSource source, Geometry g, Arguments arguments, cl_kernel kernel) {
        super(device, source, g, arguments);
        this.kernel = kernel;
        this.dimensions = g.dimensions();
        this.global =
                new long[] {(long) g.gridX() * g.blockX(), (long) g.gridY() * g.blockY(), (long) g.gridZ() * g.blockZ()
                };
        this.local = new long[] {g.blockX(), g.blockY(), g.blockZ()};
        try {
            setAll(arguments.values());
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private void setAll(List<Object> values) {
        int[] expected = new int[1];
        OpenCl.check(
                clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, Sizeof.cl_uint, Pointer.to(expected), null),
                "clGetKernelInfo " + source());
        if (expected[0] != values.size()) {
            throw new IllegalArgumentException("launch of " + source() + ": " + values.size()
                    + " arguments given, the kernel takes " + expected[0]);
        }
        for (int i = 0; i < values.size(); i++) {
            set(i, values.get(i));
        }
    }

    private void set(int index, Object value) {
        if (value instanceof Integer v) {
            writeI32(index, v);
        } else if (value instanceof Long v) {
            writeI64(index, v);
        } else if (value instanceof Float v) {
            writeF32(index, v);
        } else if (value == null) {
            check(index, clSetKernelArg(kernel, index, Sizeof.cl_mem, null));
        } else {
            check(index, clSetKernelArg(kernel, index, Sizeof.cl_mem, Pointer.to(((OpenClBuffer) value).memory())));
        }
    }

    @Override
    protected void writeI32(int index, int value) {
        i32[0] = value;
        check(index, clSetKernelArg(kernel, index, Sizeof.cl_int, i32Pointer));
    }

    @Override
    protected void writeI64(int index, long value) {
        i64[0] = value;
        check(index, clSetKernelArg(kernel, index, Sizeof.cl_long, i64Pointer));
    }

    @Override
    protected void writeF32(int index, float value) {
        f32[0] = value;
        check(index, clSetKernelArg(kernel, index, Sizeof.cl_float, f32Pointer));
    }

    private void check(int index, int status) {
        if (status != CL_SUCCESS) {
            OpenCl.check(status, "clSetKernelArg " + index + " of " + source());
        }
    }

    void enqueue(cl_command_queue queue) {
        int status = clEnqueueNDRangeKernel(queue, kernel, dimensions, null, global, local, 0, null, null);
        if (status != CL_SUCCESS) {
            OpenCl.check(status, "launch of " + source() + " (" + geometry() + ")");
        }
    }

    @Override
    protected void release() {
        OpenCl.check(clReleaseKernel(kernel), "clReleaseKernel " + source());
    }
}
