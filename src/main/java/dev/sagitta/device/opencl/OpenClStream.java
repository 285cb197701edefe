package dev.sagitta.device.opencl;

import static org.jocl.CL.*;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Event;
import dev.sagitta.device.Launch;
import dev.sagitta.device.Recording;
import dev.sagitta.device.Stream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jocl.Pointer;
import org.jocl.cl_command_queue;
import org.jocl.cl_event;

/** An in-order command queue. */
final class OpenClStream extends Stream {
    private final cl_command_queue queue;
    private final boolean ownsQueue;
    private List<Command> recording;

    OpenClStream(OpenClDevice device, cl_command_queue queue, String label, boolean ownsQueue) {
        super(device, label, ownsQueue);
        this.queue = queue;
        this.ownsQueue = ownsQueue;
    }

    /** One recorded command. */
    private interface Command {
        void enqueue(cl_command_queue queue);
    }

    private static final class LaunchList extends Recording {
        private final Command[] commands;

        LaunchList(OpenClDevice device, Command[] commands) {
            super(device);
            this.commands = commands;
        }

        @Override
        protected void release() {}
    }

    @Override
    protected void enqueue(Launch launch) {
        OpenClLaunch own = (OpenClLaunch) launch;
        if (recording != null) {
            recording.add(own::enqueue);
        } else {
            own.enqueue(queue);
        }
    }

    @Override
    protected void doUpload(Buffer target, long offset, ByteBuffer source) {
        OpenCl.check(
                clEnqueueWriteBuffer(
                        queue,
                        memory(target),
                        true,
                        offset,
                        source.remaining(),
                        Pointer.to(source.slice()),
                        0,
                        null,
                        null),
                "clEnqueueWriteBuffer to " + target);
    }

    @Override
    protected void doDownload(ByteBuffer target, Buffer source, long offset) {
        OpenCl.check(
                clEnqueueReadBuffer(
                        queue,
                        memory(source),
                        true,
                        offset,
                        target.remaining(),
                        Pointer.to(target.slice()),
                        0,
                        null,
                        null),
                "clEnqueueReadBuffer from " + source);
    }

    @Override
    protected void doCopy(Buffer target, long targetOffset, Buffer source, long sourceOffset, long bytes) {
        run(q -> OpenCl.check(
                clEnqueueCopyBuffer(
                        q, memory(source), memory(target), sourceOffset, targetOffset, bytes, 0, null, null),
                "clEnqueueCopyBuffer from " + source + " to " + target));
    }

    @Override
    protected void doFill(Buffer target, long offset, long bytes, byte value) {
        Pointer pattern = Pointer.to(new byte[] {value});
        run(q -> OpenCl.check(
                clEnqueueFillBuffer(q, memory(target), pattern, 1, offset, bytes, 0, null, null),
                "clEnqueueFillBuffer of " + target));
    }

    private void run(Command command) {
        if (recording != null) {
            recording.add(command);
        } else {
            command.enqueue(queue);
        }
    }

    @Override
    protected void doRecord(Event event) {
        cl_event marker = new cl_event();
        OpenCl.check(clEnqueueMarkerWithWaitList(queue, 0, null, marker), "clEnqueueMarkerWithWaitList");
        ((OpenClEvent) event).replace(marker);
    }

    @Override
    protected void doAwait(Event event) {
        OpenCl.check(
                clEnqueueBarrierWithWaitList(queue, 1, new cl_event[] {((OpenClEvent) event).event()}, null),
                "clEnqueueBarrierWithWaitList");
    }

    @Override
    protected Recording doCapture(Runnable work) {
        recording = new ArrayList<>();
        try {
            work.run();
            return new LaunchList((OpenClDevice) device(), recording.toArray(Command[]::new));
        } finally {
            recording = null;
        }
    }

    @Override
    protected void doReplay(Recording list) {
        for (Command command : ((LaunchList) list).commands) {
            command.enqueue(queue);
        }
    }

    @Override
    protected void doSynchronize() {
        OpenCl.check(clFinish(queue), "clFinish");
    }

    private static org.jocl.cl_mem memory(Buffer buffer) {
        return ((OpenClBuffer) buffer).memory();
    }

    @Override
    protected void release() {
        if (ownsQueue) {
            OpenCl.check(clReleaseCommandQueue(queue), "clReleaseCommandQueue");
        }
    }
}
