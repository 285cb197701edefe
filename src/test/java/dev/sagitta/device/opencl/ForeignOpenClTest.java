package dev.sagitta.device.opencl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.jocl.CL.*;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Stream;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.elementwise.Pointwise;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import org.jocl.Pointer;
import org.jocl.cl_command_queue;
import org.jocl.cl_context;
import org.jocl.cl_context_properties;
import org.jocl.cl_device_id;
import org.jocl.cl_mem;
import org.jocl.cl_platform_id;
import org.junit.jupiter.api.Test;

/** The engine on a context, memory and queue that a caller made with JOCL, as a trainer would. */
class ForeignOpenClTest {
    @Test
    void runsOnTheCallersMemoryAndQueue() {
        assumeTrue(TestDevices.names().contains("opencl"), "no OpenCL device");
        cl_platform_id[] platforms = new cl_platform_id[1];
        clGetPlatformIDs(1, platforms, null);
        cl_device_id[] ids = new cl_device_id[1];
        clGetDeviceIDs(platforms[0], CL_DEVICE_TYPE_ALL, 1, ids, null);
        int[] status = new int[1];
        cl_context context = clCreateContext(new cl_context_properties(), 1, ids, null, null, status);
        @SuppressWarnings("deprecation")
        cl_command_queue queue = clCreateCommandQueue(context, ids[0], 0, status);
        float[] values = new float[256];
        for (int i = 0; i < values.length; i++) {
            values[i] = i - 100;
        }
        cl_mem x =
                clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, 4 * 256, Pointer.to(values), status);
        cl_mem y = clCreateBuffer(context, CL_MEM_READ_WRITE, 4 * 256, null, status);
        assertThat(status[0]).isEqualTo(CL_SUCCESS);

        try (OpenClDevice device = OpenClDevice.over(context, ids[0]);
                Buffer bx = device.wrap(x, 4 * 256, "caller's x");
                Buffer by = device.wrap(y, 4 * 256, "caller's y");
                Stream stream = device.wrap(queue, "caller's queue")) {
            assertThat(device.memory().currentBytes())
                    .as("foreign memory is not ours")
                    .isZero();
            Tensor tx = new Tensor("x", bx, DType.F32, Shape.of(256));
            Tensor ty = new Tensor("y", by, DType.F32, Shape.of(256));
            try (Step step = Pointwise.forward(Function.RELU, tx, ty).prepare(device)) {
                step.enqueue(stream);
            }
        }

        // everything of the caller's still works
        float[] result = new float[256];
        assertThat(clEnqueueReadBuffer(queue, y, true, 0, 4 * 256, Pointer.to(result), 0, null, null))
                .isEqualTo(CL_SUCCESS);
        assertThat(result[0]).isZero();
        assertThat(result[255]).isEqualTo(155);
        assertThat(clReleaseCommandQueue(queue)).isEqualTo(CL_SUCCESS);
        assertThat(clReleaseMemObject(x)).isEqualTo(CL_SUCCESS);
        assertThat(clReleaseMemObject(y)).isEqualTo(CL_SUCCESS);
        assertThat(clReleaseContext(context)).isEqualTo(CL_SUCCESS);
    }

    /** Only memory that the caller brings from the host can be odd; the kernels read and write 16 bytes of it at a time. */
    @Test
    void hostMemoryThatVectorAccessesCannotReachIsRefused() {
        assumeTrue(TestDevices.names().contains("opencl"), "no OpenCL device");
        OpenClDevice device = (OpenClDevice) TestDevices.get("opencl");
        ByteBuffer host = ByteBuffer.allocateDirect(1024).alignedSlice(16);
        for (int offset : new int[] {0, 4, 16, 24}) {
            int[] status = new int[1];
            cl_mem memory = clCreateBuffer(
                    device.context(),
                    CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR,
                    256,
                    Pointer.to(host.duplicate().position(offset).slice()),
                    status);
            assertThat(status[0]).isEqualTo(CL_SUCCESS);
            if (offset % 16 == 0) {
                device.wrap(memory, 256, "even").close();
            } else {
                assertThatThrownBy(() -> device.wrap(memory, 256, "odd"))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("wrap 'odd': the address 0x")
                        .hasMessageContaining("is " + offset % 16 + " bytes beyond a multiple of 16");
            }
            assertThat(clReleaseMemObject(memory)).isEqualTo(CL_SUCCESS);
        }
    }
}
