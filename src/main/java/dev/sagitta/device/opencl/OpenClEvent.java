package dev.sagitta.device.opencl;

import static org.jocl.CL.*;

import dev.sagitta.device.Event;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_event;

/** A marker in a queue. */
final class OpenClEvent implements Event {
    private cl_event event;

    void replace(cl_event marker) {
        close();
        event = marker;
    }

    cl_event event() {
        if (event == null) {
            throw new IllegalStateException("event was not recorded; call Stream.record first");
        }
        return event;
    }

    @Override
    public void synchronize() {
        OpenCl.check(clWaitForEvents(1, new cl_event[] {event()}), "clWaitForEvents");
    }

    @Override
    public double millisSince(Event earlier) {
        return (endNanos() - ((OpenClEvent) earlier).endNanos()) * 1e-6;
    }

    private long endNanos() {
        synchronize();
        long[] nanos = new long[1];
        OpenCl.check(
                clGetEventProfilingInfo(event(), CL_PROFILING_COMMAND_END, Sizeof.cl_ulong, Pointer.to(nanos), null),
                "clGetEventProfilingInfo");
        return nanos[0];
    }

    @Override
    public void close() {
        if (event != null) {
            OpenCl.check(clReleaseEvent(event), "clReleaseEvent");
            event = null;
        }
    }
}
