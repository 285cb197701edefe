package dev.sagitta.bench;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceInfo;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Event;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.KernelSource;
import dev.sagitta.device.Launch;
import dev.sagitta.device.Recording;
import dev.sagitta.device.Stream;
import java.nio.ByteBuffer;

/** A GPU without memory on which nothing runs: descriptors can be made at their real sizes, to ask for their bytes and operations. */
final class DryDevice extends Device {
    private static final long MEMORY = 80L << 30;

    DryDevice() {
        super(new DeviceInfo(
                "dry:0", DeviceKind.CUDA, "H100 on paper", "none", "sm_90", MEMORY, MEMORY, 132, 227 << 10, 1024));
    }

    @Override
    protected Buffer allocateBuffer(long size, long bytes, String label) {
        return new DryBuffer(this, bytes, label);
    }

    @Override
    public Stream newStream(String label) {
        return new DryStream(this, label);
    }

    @Override
    public Event newEvent() {
        throw new UnsupportedOperationException("nothing runs on " + info().name() + ", so nothing can be timed");
    }

    @Override
    protected Launch bind(KernelSource source, Geometry geometry, Arguments arguments) {
        return new DryLaunch(this, source, geometry, arguments);
    }

    @Override
    protected void release() {}

    private static final class DryBuffer extends Buffer {
        DryBuffer(Device device, long bytes, String label) {
            super(device, bytes, label, true);
        }

        private DryBuffer(Buffer parent, long offset, long bytes, String label) {
            super(parent, offset, bytes, label);
        }

        @Override
        protected Buffer sliceOf(long offset, long length, String label) {
            return new DryBuffer(this, offset, length, label);
        }

        @Override
        protected void release() {}
    }

    private static final class DryLaunch extends Launch {
        DryLaunch(Device device, KernelSource source, Geometry geometry, Arguments arguments) {
            super(device, source, geometry, arguments);
        }

        @Override
        protected void writeI32(int index, int value) {}

        @Override
        protected void writeI64(int index, long value) {}

        @Override
        protected void writeF32(int index, float value) {}

        @Override
        protected void release() {}
    }

    private static final class DryStream extends Stream {
        DryStream(Device device, String label) {
            super(device, label, true);
        }

        @Override
        protected void enqueue(Launch launch) {}

        @Override
        protected void doUpload(Buffer target, long offset, ByteBuffer source) {}

        @Override
        protected void doDownload(ByteBuffer target, Buffer source, long offset) {}

        @Override
        protected void doCopy(Buffer target, long targetOffset, Buffer source, long sourceOffset, long bytes) {}

        @Override
        protected void doFill(Buffer target, long offset, long bytes, byte value) {}

        @Override
        protected void doRecord(Event event) {}

        @Override
        protected void doAwait(Event event) {}

        @Override
        protected Recording doCapture(Runnable work) {
            throw new UnsupportedOperationException(
                    "nothing runs on " + device().info().name());
        }

        @Override
        protected void doReplay(Recording recording) {}

        @Override
        protected void doSynchronize() {}

        @Override
        protected void release() {}
    }
}
