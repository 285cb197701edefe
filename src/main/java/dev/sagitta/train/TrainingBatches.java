package dev.sagitta.train;

import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.OutOfDeviceMemoryException;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Node;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Program;
import dev.sagitta.program.Role;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * The batches of a run's steps, in the order of its seed. On a GPU whose memory they leave free, all examples lie on the device; otherwise the rows of a step
 * are gathered by the host and sent, while the device computes the step before.
 */
final class TrainingBatches implements AutoCloseable {
    private final DataSet data;
    private final Stream stream;
    private final DataOrder order;
    private final int[] rows;
    private final ByteBuffer inputs;
    private final ByteBuffer targets;
    /** Null where examples do not stay on the device. */
    private final ResidentRows resident;

    private Program program;
    private List<Node> further = List.of();
    private List<ByteBuffer> furtherHost = List.of();

    TrainingBatches(DataSet data, Device device, int batch, long seed) {
        // on a CPU device, memory that is the host's anyway, a second copy of all examples would gain nothing
        this(data, device, batch, seed, device.kind() == DeviceKind.OPENCL_CPU ? 0 : Batches.residentBytes(device));
    }

    /** @param residentBytes that examples may take on the device */
    TrainingBatches(DataSet data, Device device, int batch, long seed, long residentBytes) {
        if ((long) batch * Math.max(data.inputBytes(1), data.targetBytes(1)) > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("a batch of " + batch + " examples of " + data.inputBytes(1)
                    + " bytes is beyond 2 GiB; take fewer");
        }
        this.data = data;
        this.stream = device.stream();
        this.order = new DataOrder(data.size(), seed);
        this.rows = new int[batch];
        this.inputs = host(data.inputBytes(batch));
        this.targets = host(data.targetBytes(batch));
        this.resident = ResidentRows.bytes(data) <= residentBytes ? resident(device) : null;
    }

    private ResidentRows resident(Device device) {
        try {
            return new ResidentRows(data, device, rows.length);
        } catch (OutOfDeviceMemoryException e) {
            return null;
        }
    }

    private static ByteBuffer host(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    /** Goes on with another program. */
    void bind(Program other) {
        this.program = other;
        this.further = other.graph().inputs().stream().skip(1).toList();
        this.furtherHost = further.stream()
                .map(input -> host(Math.toIntExact(other.input(input.name()).bytes())))
                .toList();
        if (resident != null) {
            resident.bind(other);
        }
    }

    /** Enqueues the batch that begins at a position in the order. */
    void load(long position) {
        order.fill(position, rows);
        if (resident != null) {
            resident.load(rows);
            uploadFurther(program);
        } else {
            upload(program);
        }
    }

    /** Gives the rows of the last batch to a program, by way of the host. */
    void upload(Program to) {
        data.batch(rows, 0, rows.length, inputs, targets);
        to.tensor(Role.INPUT).upload(stream, inputs.clear());
        to.tensor(Role.TARGET).upload(stream, targets.clear());
        uploadFurther(to);
    }

    /** Inputs beside the main one are small: they come by way of the host, whether the rows stay on the device or not. */
    private void uploadFurther(Program to) {
        for (int i = 0; i < further.size(); i++) {
            Node input = further.get(i);
            ByteBuffer values = furtherHost.get(i);
            data.batch(input.name(), Math.toIntExact(input.shape().elements()), rows, 0, rows.length, values.clear());
            to.input(input.name()).upload(stream, values.clear());
        }
    }

    /** Rows of a batch. */
    int size() {
        return rows.length;
    }

    /** Targets of the last batch that count. */
    long counted() {
        return data.countedTargets(rows, 0, rows.length);
    }

    /** On the device, the programs' own inputs and targets aside. */
    long bytes() {
        return resident == null ? 0 : resident.bytes();
    }

    @Override
    public void close() {
        if (resident != null) {
            resident.close();
        }
    }
}
