package dev.sagitta.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.OutOfDeviceMemoryException;
import dev.sagitta.device.Stream;
import dev.sagitta.fixture.SimulatedFaults;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.elementwise.Pointwise;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Test;

/** The engine on a context, memory and stream that a caller made with JCuda, as a trainer would. */
class ForeignCudaTest {
    private static void ok(int status) {
        assertThat(status).isZero();
    }

    /** A program that uses JCuda itself may have asked it to throw. */
    @Test
    void jcudasExceptionsDoNotChangeOurs() {
        assumeTrue(TestDevices.names().contains("cuda"), "no CUDA device, not even a simulated one");
        Device device = TestDevices.get("cuda");
        assumeTrue(SimulatedFaults.available(device.info()), "a real driver");
        JCudaDriver.setExceptionsEnabled(true);
        try (SimulatedFaults faults = new SimulatedFaults();
                Buffer x = device.allocate(4, MemoryCategory.DATA, "x")) {
            Tensor t = new Tensor("x", x, DType.F32, Shape.of(1));
            try (Step step = Pointwise.forward(Function.RELU, t, t).prepare(device)) {
                faults.failAllocation(1);
                assertThatThrownBy(() -> device.allocate(4, MemoryCategory.DATA, "y"))
                        .isInstanceOf(OutOfDeviceMemoryException.class);
                faults.failLaunch(1);
                assertThatThrownBy(() -> step.enqueue(device.stream()))
                        .isInstanceOf(DeviceException.class)
                        .hasMessageContaining("relu_forward_f32");
            }
        } finally {
            JCudaDriver.setExceptionsEnabled(false);
        }
    }

    @Test
    void runsOnTheCallersMemoryAndStream() {
        assumeTrue(TestDevices.names().contains("cuda"), "no CUDA device, not even a simulated one");
        CUdevice gpu = new CUdevice();
        CUcontext context = new CUcontext();
        CUstream queue = new CUstream();
        CUdeviceptr x = new CUdeviceptr();
        CUdeviceptr y = new CUdeviceptr();
        ok(JCudaDriver.cuDeviceGet(gpu, 0));
        ok(JCudaDriver.cuCtxCreate(context, 0, gpu));
        ok(JCudaDriver.cuStreamCreate(queue, 0));
        ok(JCudaDriver.cuMemAlloc(x, 4 * 256));
        ok(JCudaDriver.cuMemAlloc(y, 4 * 256));
        float[] values = new float[256];
        for (int i = 0; i < values.length; i++) {
            values[i] = i - 100;
        }
        ok(JCudaDriver.cuMemcpyHtoD(x, Pointer.to(values), 4 * 256));

        try (CudaDevice device = CudaDevice.over(context);
                Buffer bx = device.wrap(x, 4 * 256, "caller's x");
                Buffer by = device.wrap(y, 4 * 256, "caller's y");
                Stream stream = device.wrap(queue, "caller's stream")) {
            assertThat(device.memory().currentBytes())
                    .as("foreign memory is not ours")
                    .isZero();
            Tensor tx = new Tensor("x", bx, DType.F32, Shape.of(256));
            Tensor ty = new Tensor("y", by, DType.F32, Shape.of(256));
            try (Step step = Pointwise.forward(Function.RELU, tx, ty).prepare(device)) {
                step.enqueue(stream);
                ok(JCudaDriver.cuStreamSynchronize(queue));
            }
        }

        // everything of the caller's still works
        ok(JCudaDriver.cuCtxSetCurrent(context));
        float[] result = new float[256];
        ok(JCudaDriver.cuMemcpyDtoH(Pointer.to(result), y, 4 * 256));
        assertThat(result[0]).isZero();
        assertThat(result[255]).isEqualTo(155);
        ok(JCudaDriver.cuStreamDestroy(queue));
        ok(JCudaDriver.cuMemFree(x));
        ok(JCudaDriver.cuMemFree(y));
        ok(JCudaDriver.cuCtxDestroy(context));
    }

    /** The kernels read and write 16 bytes at a time; a misaligned access would cost the context with all its memory. */
    @Test
    void memoryThatVectorAccessesCannotReachIsRefused() {
        assumeTrue(TestDevices.names().contains("cuda"), "no CUDA device, not even a simulated one");
        CudaDevice device = (CudaDevice) TestDevices.get("cuda");
        try (Buffer whole = device.allocate(1024, MemoryCategory.DATA, "whole")) {
            CUdeviceptr start = ((CudaBuffer) whole).pointer();
            for (int offset : new int[] {1, 4, 8, 15, 20}) {
                assertThatThrownBy(() -> device.wrap(start.withByteOffset(offset), 64, "odd"))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("wrap 'odd': the address 0x")
                        .hasMessageContaining("is " + offset % 16 + " bytes beyond a multiple of 16")
                        .hasMessageContaining("wrap the allocation that it lies in");
            }
            for (int offset : new int[] {0, 16, 48}) {
                device.wrap(start.withByteOffset(offset), 64, "even").close();
            }
        }
    }
}
