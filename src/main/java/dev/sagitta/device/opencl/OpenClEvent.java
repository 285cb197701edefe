package dev.sagitta.device.opencl;

import static org.jocl.CL.*;

import dev.sagitta.device.Event;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_event;

/** A marker in a queue. */
final class OpenClEvent extends Event {
    private cl_event event;

    OpenClEvent(OpenClDevice device) {
        super(device);
    }

    void replace(cl_event marker) {
        release();
        event = marker;
    }

    cl_event event() {
        return event;
    }

    @Override
    protected void doSynchronize() {
        OpenCl.check(clWaitForEvents(1, new cl_event[] {event}), "clWaitForEvents");
    }

    @Override
    protected double doMillisSince(Event earlier) {
        return (endNanos() - ((OpenClEvent) earlier).endNanos()) * 1e-6;
    }

    private long endNanos() {
        doSynchronize();
        long[] nanos = new long[1];
        OpenCl.check(
                clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, Sizeof.cl_ulong, Pointer.to(nanos), null),
                "clGetEventProfilingInfo (a foreign queue needs CL_QUEUE_PROFILING_ENABLE for timing)");
        return nanos[0];
    }

    @Override
    protected void release() {
        if (event != null) {
            OpenCl.check(clReleaseEvent(event), "clReleaseEvent");
            event = null;
        }
    }
}
