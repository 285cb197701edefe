package dev.sagitta.device.cuda;

import dev.sagitta.device.Event;
import jcuda.driver.CUevent;
import jcuda.driver.JCudaDriver;

/** A CUevent with timing. */
final class CudaEvent extends Event {
    private final CudaDevice device;
    private final CUevent event;
    private final float[] millis = new float[1];

    CudaEvent(CudaDevice device, CUevent event) {
        super(device);
        this.device = device;
        this.event = event;
    }

    CUevent event() {
        return event;
    }

    @Override
    protected void doSynchronize() {
        device.makeCurrent();
        int status = JCudaDriver.cuEventSynchronize(event);
        if (status != 0) {
            Cuda.check(status, "cuEventSynchronize");
        }
    }

    @Override
    protected double doMillisSince(Event earlier) {
        earlier.synchronize();
        doSynchronize();
        int status = JCudaDriver.cuEventElapsedTime(millis, ((CudaEvent) earlier).event, event);
        if (status != 0) {
            Cuda.check(status, "cuEventElapsedTime");
        }
        return millis[0];
    }

    @Override
    protected void release() {
        device.makeCurrent();
        Cuda.check(JCudaDriver.cuEventDestroy(event), "cuEventDestroy");
    }
}
