package dev.sagitta.device.cuda;

import static jcuda.driver.CUfunction_attribute.*;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.KernelSource;
import dev.sagitta.device.Launch;
import java.nio.ByteBuffer;
import java.util.List;
import jcuda.CudaException;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/** A function with its arguments in host memory: addresses of the values in front, values of 8 bytes each behind. */
final class CudaLaunch extends Launch {
    private static final int SHARED_WITHOUT_ASKING = 48 << 10;
    private static final int SLOT = 8;

    private final CUfunction function;
    private final PageLockedMemory memory;
    private final PageLockedMemory.Block block;
    private final ByteBuffer values;
    private final Pointer parameters;
    private final int valuesAt;

    CudaLaunch(
            CudaDevice device,
            KernelSource source,
            Geometry geometry,
            Arguments arguments,
            CUfunction function,
            PageLockedMemory memory) {
        super(device, source, geometry, arguments);
        this.function = function;
        this.memory = memory;
        List<Object> given = arguments.values();
        this.block = memory.take(2 * SLOT * given.size());
        this.values = block.memory();
        this.parameters = block.pointer();
        this.valuesAt = SLOT * given.size();
        try {
            for (int i = 0; i < given.size(); i++) {
                values.putLong(SLOT * i, block.address() + valuesAt + SLOT * i);
                set(i, given.get(i));
            }
            checkGeometry(device);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private void set(int index, Object value) {
        if (value instanceof Integer v) {
            writeI32(index, v);
        } else if (value instanceof Long v) {
            writeI64(index, v);
        } else if (value instanceof Float v) {
            writeF32(index, v);
        } else {
            writeI64(index, value == null ? 0 : ((CudaBuffer) value).address());
        }
    }

    private void checkGeometry(CudaDevice device) {
        Geometry g = geometry();
        int threads = g.blockX() * g.blockY() * g.blockZ();
        int most = attribute(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
        if (threads > most) {
            throw new IllegalArgumentException("launch of " + source() + ": " + g + " has " + threads
                    + " threads in a block, the kernel's registers or __launch_bounds__ allow " + most);
        }
        int fixed = attribute(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
        if (g.sharedBytes() + fixed > device.info().localMemoryBytes()) {
            throw new IllegalArgumentException("launch of " + source() + ": " + g + " and " + fixed
                    + " bytes that the kernel declares exceed the shared memory of a block on "
                    + device.info().id() + ", "
                    + device.info().localMemoryBytes() + " bytes");
        }
        if (g.sharedBytes() + fixed > SHARED_WITHOUT_ASKING
                && attribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) < g.sharedBytes()) {
            Cuda.check(
                    JCudaDriver.cuFuncSetAttribute(
                            function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, g.sharedBytes()),
                    "cuFuncSetAttribute MAX_DYNAMIC_SHARED_SIZE_BYTES " + g.sharedBytes() + " of " + source());
        }
    }

    private int attribute(int which) {
        int[] value = new int[1];
        Cuda.check(
                JCudaDriver.cuFuncGetAttribute(value, which, function),
                "cuFuncGetAttribute(" + which + ") of " + source());
        return value[0];
    }

    @Override
    protected void writeI32(int index, int value) {
        values.putInt(valuesAt + SLOT * index, value);
    }

    @Override
    protected void writeI64(int index, long value) {
        values.putLong(valuesAt + SLOT * index, value);
    }

    @Override
    protected void writeF32(int index, float value) {
        values.putFloat(valuesAt + SLOT * index, value);
    }

    /** The driver copies the arguments before the call returns, so they may be changed right after it. */
    void enqueue(CUstream stream) {
        Geometry g = geometry();
        int status;
        try {
            status = JCudaDriver.cuLaunchKernel(
                    function,
                    g.gridX(),
                    g.gridY(),
                    g.gridZ(),
                    g.blockX(),
                    g.blockY(),
                    g.blockZ(),
                    g.sharedBytes(),
                    stream,
                    parameters,
                    null);
        } catch (CudaException e) {
            // thrown only where the program that we are linked into has switched JCuda's exceptions on
            throw new DeviceException("launch of " + source() + " (" + g + ") failed: " + e.getMessage(), e);
        }
        if (status != 0) {
            Cuda.check(status, "launch of " + source() + " (" + g + ")");
        }
    }

    @Override
    protected void release() {
        memory.give(block);
    }
}
