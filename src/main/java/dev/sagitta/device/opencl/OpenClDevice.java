package dev.sagitta.device.opencl;

import static org.jocl.CL.*;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceInfo;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Event;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.KernelBuildException;
import dev.sagitta.device.KernelFiles;
import dev.sagitta.device.KernelSource;
import dev.sagitta.device.KernelText;
import dev.sagitta.device.Launch;
import dev.sagitta.device.Stream;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.jocl.Pointer;
import org.jocl.cl_command_queue;
import org.jocl.cl_context;
import org.jocl.cl_context_properties;
import org.jocl.cl_device_id;
import org.jocl.cl_kernel;
import org.jocl.cl_mem;
import org.jocl.cl_program;

/** A device reached through JOCL, in a context of its own or in the caller's. */
public final class OpenClDevice extends Device {
    private final cl_device_id id;
    private final cl_context context;
    private final UnaryOperator<String> moreOptions;
    private final boolean ownsContext;
    private final String commonOptions;
    private final Map<String, cl_program> programs = new HashMap<>();
    private final Set<cl_mem> allocations = ConcurrentHashMap.newKeySet();

    private OpenClDevice(
            DeviceInfo info,
            cl_device_id id,
            cl_context context,
            boolean ownsContext,
            UnaryOperator<String> moreOptions) {
        super(info);
        this.id = id;
        this.context = context;
        this.ownsContext = ownsContext;
        this.commonOptions = commonOptions(id, info.kind());
        this.moreOptions = moreOptions;
    }

    /** @param moreOptions for the kernels' compiler, by kernel file */
    static OpenClDevice create(DeviceInfo info, cl_device_id id, UnaryOperator<String> moreOptions) {
        int[] status = new int[1];
        cl_context context =
                clCreateContext(new cl_context_properties(), 1, new cl_device_id[] {id}, null, null, status);
        OpenCl.check(status[0], "clCreateContext for " + info.name());
        return new OpenClDevice(info, id, context, true, moreOptions);
    }

    /** The engine in a context that the caller owns and closes. */
    public static OpenClDevice over(cl_context context, cl_device_id id) {
        return new OpenClDevice(OpenClInfo.read("opencl:foreign", id, null), id, context, false, file -> "");
    }

    /**
     * A buffer over memory that the caller owns; closing it leaves the memory alone.
     *
     * @param memory where it was made over host memory (CL_MEM_USE_HOST_PTR), that starts at a multiple of 16
     * @throws IllegalArgumentException if it does not
     */
    public Buffer wrap(cl_mem memory, long bytes, String label) {
        requireOpen();
        // elsewhere the driver aligns: allocations for its widest type, sub-buffers to CL_DEVICE_MEM_BASE_ADDR_ALIGN
        requireVectorAligned(OpenClInfo.hostAddress(memory), label);
        return new OpenClBuffer(this, memory, bytes, label, false);
    }

    /** A stream over an in-order queue that the caller owns. */
    public Stream wrap(cl_command_queue queue, String label) {
        requireOpen();
        return new OpenClStream(this, queue, label, false);
    }

    public cl_context context() {
        return context;
    }

    private static String commonOptions(cl_device_id id, DeviceKind kind) {
        StringBuilder options = new StringBuilder("-cl-std=CL1.2");
        long fp = OpenClInfo.getLong(id, CL_DEVICE_SINGLE_FP_CONFIG);
        if ((fp & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0) {
            options.append(" -cl-fp32-correctly-rounded-divide-sqrt");
        }
        if (kind == DeviceKind.OPENCL_CPU) {
            options.append(" -DSG_CPU=1");
        }
        // Oclgrind interprets, so inline assembly is out
        if (OpenClInfo.getString(id, CL_DEVICE_NAME).contains("Oclgrind")) {
            options.append(" -DSG_PORTABLE=1");
        }
        return options.toString();
    }

    @Override
    protected Buffer allocateBuffer(long size, long bytes, String label) {
        int[] status = new int[1];
        cl_mem memory = clCreateBuffer(context, CL_MEM_READ_WRITE, size, null, status);
        if (OpenCl.isOutOfMemory(status[0])) {
            throw outOfMemory(label, bytes);
        }
        OpenCl.check(status[0], "clCreateBuffer of " + size + " bytes for '" + label + "'");
        allocations.add(memory);
        return new OpenClBuffer(this, memory, bytes, label, true);
    }

    void freed(cl_mem memory) {
        allocations.remove(memory);
    }

    @Override
    public Stream newStream(String label) {
        requireOpen();
        int[] status = new int[1];
        @SuppressWarnings("deprecation") // its successor needs OpenCL 2.0, which some drivers lack
        cl_command_queue queue = clCreateCommandQueue(context, id, CL_QUEUE_PROFILING_ENABLE, status);
        OpenCl.check(status[0], "clCreateCommandQueue '" + label + "'");
        return new OpenClStream(this, queue, label, true);
    }

    @Override
    public Event newEvent() {
        requireOpen();
        return new OpenClEvent(this);
    }

    @Override
    protected Launch bind(KernelSource source, Geometry geometry, Arguments arguments) {
        int[] status = new int[1];
        cl_kernel kernel = clCreateKernel(program(source), source.entry(), status);
        if (status[0] == CL_INVALID_KERNEL_NAME) {
            throw new KernelBuildException(
                    "kernel file '" + path(source.file()) + "' has no entry '" + source.entry() + "'");
        }
        OpenCl.check(status[0], "clCreateKernel " + source);
        return new OpenClLaunch(this, source, geometry, arguments, kernel);
    }

    private String path(String file) {
        return KernelFiles.path(kind(), file);
    }

    private synchronized cl_program program(KernelSource source) {
        String options = String.join(" ", commonOptions, source.options(), moreOptions.apply(source.file()))
                .strip();
        return programs.computeIfAbsent(source.file() + " " + options, key -> build(path(source.file()), options));
    }

    private cl_program build(String path, String options) {
        int[] status = new int[1];
        String text = KernelText.read(path);
        cl_program program =
                clCreateProgramWithSource(context, 1, new String[] {text}, new long[] {text.length()}, status);
        OpenCl.check(status[0], "clCreateProgramWithSource " + path);
        int built = clBuildProgram(program, 1, new cl_device_id[] {id}, options, null, null);
        if (built != CL_SUCCESS) {
            String log = buildLog(program);
            clReleaseProgram(program);
            throw new KernelBuildException("kernel file '" + path + "' with options '" + options + "' did not build: "
                    + OpenCl.name(built) + "\n" + log);
        }
        return program;
    }

    private String buildLog(cl_program program) {
        long[] size = new long[1];
        clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, 0, null, size);
        byte[] log = new byte[(int) Math.max(1, size[0])];
        clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, log.length, Pointer.to(log), null);
        return new String(log, java.nio.charset.StandardCharsets.UTF_8)
                .replace("\0", "")
                .strip();
    }

    @Override
    protected void release() {
        for (cl_mem memory : allocations) {
            OpenCl.check(clReleaseMemObject(memory), "clReleaseMemObject");
        }
        allocations.clear();
        programs.values().forEach(org.jocl.CL::clReleaseProgram);
        programs.clear();
        if (ownsContext) {
            OpenCl.check(clReleaseContext(context), "clReleaseContext");
        }
    }
}
