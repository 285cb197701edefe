package dev.sagitta.device.cuda;

import static jcuda.driver.JCudaDriver.*;

import java.nio.ByteBuffer;
import java.util.stream.IntStream;
import jcuda.Pointer;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;

/**
 * A ring of page-locked slots through which one stream copies from and to any host memory. The device reads and writes page-locked memory by
 * itself and at full speed; for other memory the driver copies through slots of its own, and waits. A copy of one slot at most allocates
 * nothing. An upload returns once the last piece is in its slot, so that the source may be reused; an event per slot says when the slot may.
 */
final class Staging {
    /** Copies of this many bytes and more are cut by threads: one core fills a slot more slowly than the device empties it. */
    private static final int PARALLEL = 32 << 20;

    private static final int THREADS =
            Math.max(1, Math.min(4, Runtime.getRuntime().availableProcessors()));

    private final CUstream stream;
    private final int slotBytes;
    private final PageLockedMemory memory;
    private final PageLockedMemory.Block block;
    private final Pointer[] pointers;
    private final CUevent[] events;
    private final boolean[] inFlight;
    private int next;

    /** Throws a {@link dev.sagitta.device.DeviceException} where page-locked memory or an event is refused. */
    Staging(PageLockedMemory memory, CUstream stream, int slots, int slotBytes) {
        this.memory = memory;
        this.stream = stream;
        this.slotBytes = slotBytes;
        this.pointers = new Pointer[slots];
        this.events = new CUevent[slots];
        this.inFlight = new boolean[slots];
        this.block = memory.take(slots * slotBytes);
        for (int i = 0; i < slots; i++) {
            pointers[i] = Address.offset(block.pointer(), (long) i * slotBytes);
            CUevent event = new CUevent();
            int status = cuEventCreate(event, CUevent_flags.CU_EVENT_DISABLE_TIMING);
            if (status != CUresult.CUDA_SUCCESS) {
                release();
                Cuda.check(status, "cuEventCreate for copies");
            }
            events[i] = event;
        }
    }

    /** Enqueues the copy of {@code source}'s remaining bytes to {@code offset} of {@code target}; the driver's status. */
    int upload(CudaBuffer target, long offset, ByteBuffer source) {
        int total = source.remaining();
        int done = 0;
        while (done < total) {
            int bytes = Math.min(slotBytes, total - done);
            int slot = next;
            next = (slot + 1) % pointers.length;
            int status = await(slot);
            if (status != CUresult.CUDA_SUCCESS) {
                return status;
            }
            copy(block.memory(), slot * slotBytes, source, source.position() + done, bytes, total);
            status = cuMemcpyHtoDAsync(target.at(offset + done), pointers[slot], bytes, stream);
            if (status != CUresult.CUDA_SUCCESS) {
                return status;
            }
            status = mark(slot);
            if (status != CUresult.CUDA_SUCCESS) {
                return status;
            }
            done += bytes;
        }
        return CUresult.CUDA_SUCCESS;
    }

    /** Fills {@code target}'s remaining bytes from {@code offset} of {@code source}, and waits for them; the driver's status. */
    int download(ByteBuffer target, CudaBuffer source, long offset) {
        int total = target.remaining();
        int arrived = 0;
        int asked = 0;
        int oldest = next;
        while (arrived < total) {
            // a piece under way in each slot: while the oldest is read, the device writes the others
            while (asked < total && asked - arrived < pointers.length * slotBytes) {
                int bytes = Math.min(slotBytes, total - asked);
                int status = ask(source, offset + asked, bytes);
                if (status != CUresult.CUDA_SUCCESS) {
                    return status;
                }
                asked += bytes;
            }
            int status = await(oldest);
            if (status != CUresult.CUDA_SUCCESS) {
                return status;
            }
            int bytes = Math.min(slotBytes, total - arrived);
            copy(target, target.position() + arrived, block.memory(), oldest * slotBytes, bytes, total);
            arrived += bytes;
            oldest = (oldest + 1) % pointers.length;
        }
        return CUresult.CUDA_SUCCESS;
    }

    private int ask(CudaBuffer source, long offset, int bytes) {
        int slot = next;
        next = (slot + 1) % pointers.length;
        // an upload may still read the slot, but the stream is in order
        int status = cuMemcpyDtoHAsync(pointers[slot], source.at(offset), bytes, stream);
        return status != CUresult.CUDA_SUCCESS ? status : mark(slot);
    }

    private int mark(int slot) {
        inFlight[slot] = true;
        int status = cuEventRecord(events[slot], stream);
        if (status != CUresult.CUDA_SUCCESS) {
            // the event does not tell when the slot is free
            cuStreamSynchronize(stream);
        }
        return status;
    }

    private int await(int slot) {
        if (!inFlight[slot]) {
            return CUresult.CUDA_SUCCESS;
        }
        int status = cuEventSynchronize(events[slot]);
        inFlight[slot] = status != CUresult.CUDA_SUCCESS;
        return status;
    }

    private static void copy(ByteBuffer to, int toAt, ByteBuffer from, int fromAt, int bytes, int total) {
        if (total < PARALLEL || THREADS == 1) {
            to.put(toAt, from, fromAt, bytes);
            return;
        }
        int part = (bytes + THREADS - 1) / THREADS;
        IntStream.range(0, THREADS).parallel().forEach(i -> {
            int start = Math.min(bytes, i * part);
            to.put(toAt + start, from, fromAt + start, Math.min(part, bytes - start));
        });
    }

    /** After the stream's work is done: the block may be handed to another stream. */
    void release() {
        for (CUevent event : events) {
            if (event != null) {
                cuEventDestroy(event);
            }
        }
        memory.give(block);
    }
}
