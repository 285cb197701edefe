package dev.sagitta.device.cuda;

import static jcuda.driver.JCudaDriver.*;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.DeviceInfo;
import dev.sagitta.device.Event;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.KernelSource;
import dev.sagitta.device.Launch;
import dev.sagitta.device.Stream;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import jcuda.CudaException;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;

/** A device reached through the CUDA driver, in its primary context or in the caller's. */
public final class CudaDevice extends Device {
    private final CUdevice device;
    private final CUcontext context;
    private final boolean ownsContext;
    private final CudaModules modules;
    private final PageLockedMemory pageLocked = new PageLockedMemory();
    private final Set<CUdeviceptr> allocations = ConcurrentHashMap.newKeySet();
    private Optional<CublasGemm> blas; // null: not tried
    private Optional<CublasLt> blasLt; // null: not tried

    private CudaDevice(DeviceInfo info, CUdevice device, CUcontext context, boolean ownsContext) {
        super(info);
        this.device = device;
        this.context = context;
        this.ownsContext = ownsContext;
        this.modules = new CudaModules(CudaInfo.computeCapability(device), pageLocked);
    }

    static CudaDevice create(DeviceInfo info, CUdevice device) {
        CUcontext context = new CUcontext();
        Cuda.check(cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain of " + info.id());
        return new CudaDevice(info, device, context, true);
    }

    /** The engine in a context that the caller owns and destroys. */
    public static CudaDevice over(CUcontext context) {
        if (Cuda.PROBLEM != null) {
            throw new DeviceException("CUDA cannot be used: " + Cuda.PROBLEM);
        }
        Cuda.check(cuCtxSetCurrent(context), "cuCtxSetCurrent of a foreign context");
        CUdevice device = new CUdevice();
        Cuda.check(cuCtxGetDevice(device), "cuCtxGetDevice of a foreign context");
        return new CudaDevice(CudaInfo.read("cuda:foreign", device), device, context, false);
    }

    /**
     * A buffer over memory that the caller owns; closing it leaves the memory alone.
     *
     * @param pointer a multiple of 16, as every allocation of the driver is
     * @throws IllegalArgumentException if it is not
     */
    public Buffer wrap(CUdeviceptr pointer, long bytes, String label) {
        requireOpen();
        requireVectorAligned(Address.of(pointer), label);
        return new CudaBuffer(this, pointer, bytes, label, false);
    }

    /** A stream over one that the caller owns. */
    public Stream wrap(CUstream stream, String label) {
        requireOpen();
        return new CudaStream(this, stream, label, false);
    }

    public CUcontext context() {
        return context;
    }

    /** cuBLAS where it can be loaded; where not, empty, and the log has said why. */
    public synchronized Optional<CublasGemm> blas() {
        requireOpen();
        if (blas == null) {
            blas = CublasLibrary.problem() == null ? CublasGemm.tryOn(this) : Optional.empty();
        }
        return blas;
    }

    /** cuBLASLt where it can be used; where not, empty. */
    public synchronized Optional<CublasLt> blasLt() {
        if (blasLt == null) {
            blasLt = blas().flatMap(gemm -> CublasLt.tryOn(this, gemm));
        }
        return blasLt;
    }

    /**
     * Makes the context current on the calling thread. Done before each call, because any thread may call and any other library may have
     * changed the thread's context since; it costs some tens of nanoseconds.
     */
    void makeCurrent() {
        int status = cuCtxSetCurrent(context);
        if (status != CUresult.CUDA_SUCCESS) {
            Cuda.check(status, "cuCtxSetCurrent of " + info().id());
        }
    }

    /** A stream was closed: what cuBLAS holds for it goes with it. */
    void forget(CudaStream stream) {
        Optional<CublasGemm> made;
        synchronized (this) {
            made = blas;
        }
        if (made != null) {
            made.ifPresent(gemm -> gemm.forget(stream));
        }
    }

    PageLockedMemory pageLocked() {
        return pageLocked;
    }

    int computeCapability() {
        return CudaInfo.computeCapability(device);
    }

    @Override
    protected String pciBusId() {
        return CudaInfo.pciBusId(device);
    }

    @Override
    protected long freeBytes() {
        long[] free = new long[1];
        long[] total = new long[1];
        makeCurrent();
        return cuMemGetInfo(free, total) == CUresult.CUDA_SUCCESS ? free[0] : super.freeBytes();
    }

    @Override
    protected Buffer allocateBuffer(long size, long bytes, String label) {
        makeCurrent();
        CUdeviceptr pointer = new CUdeviceptr();
        int status;
        try {
            status = cuMemAlloc(pointer, size);
        } catch (CudaException e) {
            // thrown only where the program that we are linked into has switched JCuda's exceptions on
            status = String.valueOf(e.getMessage()).contains("OUT_OF_MEMORY")
                    ? CUresult.CUDA_ERROR_OUT_OF_MEMORY
                    : CUresult.CUDA_ERROR_UNKNOWN;
        }
        if (status == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
            throw outOfMemory(label, bytes);
        }
        Cuda.check(status, "cuMemAlloc of " + size + " bytes for '" + label + "'");
        allocations.add(pointer);
        return new CudaBuffer(this, pointer, bytes, label, true);
    }

    void free(CUdeviceptr pointer, String what) {
        makeCurrent();
        allocations.remove(pointer);
        Cuda.check(cuMemFree(pointer), "cuMemFree of " + what);
    }

    @Override
    public Stream newStream(String label) {
        requireOpen();
        makeCurrent();
        CUstream stream = new CUstream();
        Cuda.check(cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING), "cuStreamCreate '" + label + "'");
        return new CudaStream(this, stream, label, true);
    }

    @Override
    public Event newEvent() {
        requireOpen();
        makeCurrent();
        CUevent event = new CUevent();
        Cuda.check(cuEventCreate(event, 0), "cuEventCreate");
        return new CudaEvent(this, event);
    }

    @Override
    protected Launch bind(KernelSource source, Geometry geometry, Arguments arguments) {
        makeCurrent();
        return new CudaLaunch(this, source, geometry, arguments, modules.function(source), pageLocked);
    }

    @Override
    protected void release() {
        makeCurrent();
        if (blasLt != null) {
            blasLt.ifPresent(CublasLt::release);
        }
        if (blas != null) {
            blas.ifPresent(CublasGemm::release);
        }
        // the context may outlive us: it belongs to the caller, or others have retained it
        for (CUdeviceptr pointer : allocations) {
            Cuda.check(cuMemFree(pointer), "cuMemFree");
        }
        allocations.clear();
        pageLocked.release();
        modules.release();
        if (ownsContext) {
            Cuda.check(cuDevicePrimaryCtxRelease(device), "cuDevicePrimaryCtxRelease");
        }
    }
}
