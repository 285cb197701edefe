package dev.sagitta.train;

import dev.sagitta.data.DataSet;
import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.embedding.Embedding;
import dev.sagitta.program.Program;
import dev.sagitta.program.Role;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * All examples of a data set on a device: a step sends the numbers of its rows and gathers them there, where otherwise the host gathers and sends the rows
 * themselves. Ids and labels are gathered as fp32, which copies their bits.
 */
final class ResidentRows implements AutoCloseable {
    /** Bytes of inputs and of targets that are sent at a time. */
    private static final int CHUNK_BYTES = 4 << 20;

    private final Stream stream;
    private final List<Buffer> owned = new ArrayList<>();
    private final Tensor inputs;
    private final Tensor targets;
    private final Tensor ids;
    private final ByteBuffer idsHost;
    private List<Step> gathers = List.of();

    /** @param batch rows of a step */
    ResidentRows(DataSet data, Device device, int batch) {
        this.stream = device.stream();
        this.idsHost = ByteBuffer.allocateDirect(batch * Integer.BYTES).order(ByteOrder.nativeOrder());
        try {
            this.inputs = table(device, "inputs of all rows", data.size(), data.inputBytes(1));
            this.targets = table(device, "targets of all rows", data.size(), data.targetBytes(1));
            this.ids = own(Tensor.allocate(device, MemoryCategory.DATA, "rows", DType.I32, Shape.of(batch)));
            send(data);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Of the tables. */
    static long bytes(DataSet data) {
        return (long) data.size() * (data.inputBytes(1) + data.targetBytes(1));
    }

    private Tensor table(Device device, String name, int rows, int rowBytes) {
        Shape shape = Shape.of(1, rows, rowBytes / Float.BYTES);
        return own(Tensor.allocate(device, MemoryCategory.DATA, name, DType.F32, shape));
    }

    private Tensor own(Tensor tensor) {
        owned.add(tensor.buffer());
        return tensor;
    }

    private void send(DataSet data) {
        int each = Math.max(1, CHUNK_BYTES / Math.max(data.inputBytes(1), data.targetBytes(1)));
        ByteBuffer someInputs = host(data.inputBytes(Math.min(each, data.size())));
        ByteBuffer someTargets = host(data.targetBytes(Math.min(each, data.size())));
        for (int start = 0; start < data.size(); start += each) {
            int count = Math.min(each, data.size() - start);
            data.batch(start, count, someInputs.clear(), someTargets.clear());
            send(inputs, (long) start * data.inputBytes(1), someInputs.limit(data.inputBytes(count)));
            send(targets, (long) start * data.targetBytes(1), someTargets.limit(data.targetBytes(count)));
        }
    }

    private void send(Tensor table, long offset, ByteBuffer bytes) {
        stream.upload(table.buffer(), offset, bytes);
    }

    private static ByteBuffer host(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    /** Goes on with the inputs and targets of this program. */
    void bind(Program program) {
        closeGathers();
        List<Step> steps = new ArrayList<>();
        steps.add(gather(inputs, program.tensor(Role.INPUT)).prepare(program.device()));
        gathers = steps;
        steps.add(gather(targets, program.tensor(Role.TARGET)).prepare(program.device()));
    }

    private Embedding.Gather gather(Tensor table, Tensor batch) {
        Shape shape = Shape.of(1, ids.elements(), table.shape().extent(2));
        return Embedding.gather(table, ids, new Tensor(batch.name(), batch.buffer(), DType.F32, shape));
    }

    /** Enqueues the gathering of rows by number. */
    void load(int[] rows) {
        idsHost.asIntBuffer().put(rows);
        ids.upload(stream, idsHost.clear());
        for (Step gather : gathers) {
            gather.enqueue(stream);
        }
    }

    long bytes() {
        return owned.stream()
                .mapToLong(buffer -> Device.allocationBytes(buffer.bytes()))
                .sum();
    }

    private void closeGathers() {
        gathers.forEach(Step::close);
        gathers = List.of();
    }

    @Override
    public void close() {
        closeGathers();
        owned.forEach(Buffer::close);
    }
}
