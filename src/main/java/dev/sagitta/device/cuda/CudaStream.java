package dev.sagitta.device.cuda;

import static jcuda.driver.JCudaDriver.*;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Event;
import dev.sagitta.device.Launch;
import dev.sagitta.device.Recording;
import dev.sagitta.device.Stream;
import java.nio.ByteBuffer;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;

/** A CUstream that does not wait for the legacy default stream. */
final class CudaStream extends Stream {
    private final CudaDevice device;
    private final CUstream stream;
    private final boolean ownsStream;
    private final HostCopies copies;
    private final long address;
    /** Errors of a kernel surface at a later call, which then names the suspect. */
    private CudaLaunch last;

    CudaStream(CudaDevice device, CUstream stream, String label, boolean ownsStream) {
        super(device, label, ownsStream);
        this.device = device;
        this.stream = stream;
        this.ownsStream = ownsStream;
        this.copies = new HostCopies(device.pageLocked(), stream, !ownsStream);
        this.address = Address.of(stream);
    }

    CUstream stream() {
        return stream;
    }

    /** {@link #stream} as a number. */
    long address() {
        return address;
    }

    /** For cuBLAS: the guard that every call of a stream passes. */
    void enterCall(Buffer a, Buffer b, Buffer c) {
        enter(a, b, c);
    }

    void exitCall() {
        exit();
    }

    private void check(int status, String call) {
        Cuda.check(
                status,
                last == null ? call : call + " (the last launch was " + last.source() + ", " + last.geometry() + ")");
    }

    @Override
    protected void enqueue(Launch launch) {
        device.makeCurrent();
        last = (CudaLaunch) launch;
        last.enqueue(stream);
    }

    @Override
    protected void doUpload(Buffer target, long offset, ByteBuffer source) {
        device.makeCurrent();
        int status = copies.upload((CudaBuffer) target, offset, source);
        if (status != 0) {
            check(status, "copy of " + source.remaining() + " bytes from the host to " + target);
        }
    }

    @Override
    protected void doDownload(ByteBuffer target, Buffer source, long offset) {
        device.makeCurrent();
        int status = copies.download(target, (CudaBuffer) source, offset);
        if (status != 0) {
            check(status, "copy of " + target.remaining() + " bytes to the host from " + source);
        }
    }

    @Override
    protected void doCopy(Buffer target, long targetOffset, Buffer source, long sourceOffset, long bytes) {
        device.makeCurrent();
        int status = cuMemcpyDtoDAsync(
                ((CudaBuffer) target).at(targetOffset), ((CudaBuffer) source).at(sourceOffset), bytes, stream);
        if (status != 0) {
            check(status, "cuMemcpyDtoDAsync from " + source + " to " + target);
        }
    }

    @Override
    protected void doFill(Buffer target, long offset, long bytes, byte value) {
        device.makeCurrent();
        int status = cuMemsetD8Async(((CudaBuffer) target).at(offset), value, bytes, stream);
        if (status != 0) {
            check(status, "cuMemsetD8Async of " + target);
        }
    }

    @Override
    protected void doRecord(Event event) {
        device.makeCurrent();
        int status = cuEventRecord(((CudaEvent) event).event(), stream);
        if (status != 0) {
            check(status, "cuEventRecord");
        }
    }

    @Override
    protected void doAwait(Event event) {
        device.makeCurrent();
        int status = cuStreamWaitEvent(stream, ((CudaEvent) event).event(), 0);
        if (status != 0) {
            check(status, "cuStreamWaitEvent");
        }
    }

    @Override
    protected Recording doCapture(Runnable work) {
        device.makeCurrent();
        check(
                cuStreamBeginCapture(stream, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                "cuStreamBeginCapture (the legacy default stream cannot be captured)");
        CUgraph graph = new CUgraph();
        boolean done = false;
        int ended;
        try {
            work.run();
            done = true;
        } finally {
            device.makeCurrent();
            ended = cuStreamEndCapture(stream, graph);
            if (!done && ended == 0) {
                cuGraphDestroy(graph);
            }
        }
        check(ended, "cuStreamEndCapture");
        CUgraphExec executable = new CUgraphExec();
        int status = cuGraphInstantiate(executable, graph, 0);
        cuGraphDestroy(graph);
        check(status, "cuGraphInstantiate");
        return new Graph(device, executable);
    }

    @Override
    protected void doReplay(Recording recording) {
        device.makeCurrent();
        int status = cuGraphLaunch(((Graph) recording).executable, stream);
        if (status != 0) {
            check(status, "cuGraphLaunch");
        }
    }

    @Override
    protected void doSynchronize() {
        device.makeCurrent();
        int status = cuStreamSynchronize(stream);
        if (status != 0) {
            check(status, "cuStreamSynchronize");
        }
    }

    @Override
    protected void release() {
        device.makeCurrent();
        device.forget(this);
        copies.release();
        if (ownsStream) {
            Cuda.check(cuStreamDestroy(stream), "cuStreamDestroy");
        }
    }

    private static final class Graph extends Recording {
        private final CudaDevice device;
        private final CUgraphExec executable;

        Graph(CudaDevice device, CUgraphExec executable) {
            super(device);
            this.device = device;
            this.executable = executable;
        }

        @Override
        protected void release() {
            device.makeCurrent();
            Cuda.check(cuGraphExecDestroy(executable), "cuGraphExecDestroy");
        }
    }
}
