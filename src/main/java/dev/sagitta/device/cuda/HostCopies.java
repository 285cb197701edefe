package dev.sagitta.device.cuda;

import static jcuda.driver.JCudaDriver.*;

import dev.sagitta.device.DeviceException;
import java.nio.ByteBuffer;
import jcuda.CudaException;
import jcuda.Pointer;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One stream's copies between host and device: small ones (a loss, a step's settings) through a ring that is 256 KiB in all, others in
 * pieces of 4 MiB through one of 8 MiB. Each ring is made when first needed; where the system has no page-locked memory left, the driver
 * copies as it can.
 */
final class HostCopies {
    static final int SMALL = 64 << 10;
    static final int LARGE = 4 << 20;
    private static final Logger LOG = LoggerFactory.getLogger(HostCopies.class);

    private final PageLockedMemory memory;
    private final CUstream stream;
    /** A caller's stream may be captured without our knowledge, which would record the slot instead of its contents: waiting forbids that. */
    private final boolean waitsForUploads;

    private Staging small;
    private Staging large;
    private boolean refused;

    HostCopies(PageLockedMemory memory, CUstream stream, boolean waitsForUploads) {
        this.memory = memory;
        this.stream = stream;
        this.waitsForUploads = waitsForUploads;
    }

    /** Enqueues the copy of {@code source}'s remaining bytes, which may be reused then; the driver's status. */
    int upload(CudaBuffer target, long offset, ByteBuffer source) {
        Staging ring = ring(source.remaining());
        boolean waits = ring == null || waitsForUploads;
        int status = ring != null
                ? ring.upload(target, offset, source)
                : cuMemcpyHtoDAsync(target.at(offset), Pointer.to(source.slice()), source.remaining(), stream);
        return status == CUresult.CUDA_SUCCESS && waits ? cuStreamSynchronize(stream) : status;
    }

    /** Fills {@code target}'s remaining bytes and waits for them; the driver's status. */
    int download(ByteBuffer target, CudaBuffer source, long offset) {
        Staging ring = ring(target.remaining());
        if (ring != null) {
            return ring.download(target, source, offset);
        }
        int status = cuMemcpyDtoHAsync(Pointer.to(target.slice()), source.at(offset), target.remaining(), stream);
        return status == CUresult.CUDA_SUCCESS ? cuStreamSynchronize(stream) : status;
    }

    private Staging ring(int bytes) {
        Staging ring = bytes <= SMALL ? small : large;
        return ring != null || refused ? ring : make(bytes <= SMALL);
    }

    private Staging make(boolean forSmall) {
        try {
            if (forSmall) {
                small = new Staging(memory, stream, 4, SMALL);
                return small;
            }
            large = new Staging(memory, stream, 2, LARGE);
            return large;
        } catch (DeviceException | CudaException e) {
            refused = true;
            LOG.warn("copies between host and device are slower than they could be: {}", e.getMessage());
            return null;
        }
    }

    /** The stream is closed. */
    void release() {
        if (!waitsForUploads && (small != null || large != null)) {
            // whoever gets the slots next must not find copies under way
            cuStreamSynchronize(stream);
        }
        if (small != null) {
            small.release();
        }
        if (large != null) {
            large.release();
        }
    }
}
