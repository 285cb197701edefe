package dev.sagitta.program;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Decoding;
import dev.sagitta.graph.Graph;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.function.UnaryOperator;

/**
 * A network over ids, one id after the other: what it says about the next one depends on all that came before, whose keys and values stay on the device. A
 * step is one upload of eight bytes that matter and the launches of one compiled program, the same for every position; only {@link #logits} waits.
 */
public final class Decoder implements AutoCloseable {
    /** Slices of a buffer begin at multiples of this on every device. */
    private static final int APART = 256;

    private final int longest;
    private final Buffer memory;
    private final Program program;
    private final ByteBuffer step =
            ByteBuffer.allocateDirect(APART + Integer.BYTES).order(ByteOrder.nativeOrder());
    private final ByteBuffer output;
    private final long rows;
    private int position;

    /**
     * @param graph the network, of ids [T]
     * @param longest positions that can follow one another
     * @param bind adds parameters that lie in the caller's memory
     * @throws IllegalArgumentException as {@link Decoding#of} does
     */
    public Decoder(Graph graph, Device device, int longest, UnaryOperator<ProgramOptions> bind) {
        Graph one = Decoding.of(graph, longest);
        this.longest = longest;
        this.rows = graph.nodes().stream()
                .filter(node -> !node.isInput() && node.op().idLimit() > 0)
                .mapToLong(node -> node.op().idLimit())
                .min()
                .orElse(Integer.MAX_VALUE);
        this.memory = device.allocate(step.capacity(), MemoryCategory.DATA, "id and position");
        try {
            Tensor id = part(0, Shape.of(1, 1));
            Tensor place = part(APART, Shape.of(1));
            ProgramOptions options = bind.apply(ProgramOptions.of(1, Computation.PREDICT));
            this.program =
                    Program.compile(one, device, options.bind(Role.INPUT, id).bind(Decoding.POSITION, place));
            this.output = ByteBuffer.allocateDirect(
                            Math.toIntExact(program.tensor(Role.OUTPUT).bytes()))
                    .order(ByteOrder.nativeOrder());
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    private Tensor part(int offset, Shape shape) {
        return new Tensor("step", memory.slice(offset, Integer.BYTES, "step"), DType.I32, shape);
    }

    /** Where parameters are loaded to. */
    public Program program() {
        return program;
    }

    /** Ids that it has taken since the beginning or {@link #restart}. */
    public int position() {
        return position;
    }

    /** Positions that can follow one another. */
    public int longest() {
        return longest;
    }

    /** Whether it takes no further id. */
    public boolean isFull() {
        return position == longest;
    }

    /**
     * Enqueues the step of the next id.
     *
     * @throws IllegalArgumentException if the network's table has no such row
     * @throws IllegalStateException if {@link #isFull}
     */
    public void take(int id) {
        if (id < 0 || id >= rows) {
            throw new IllegalArgumentException(
                    "id " + id + ", the model's table has " + rows + " rows (0 to " + (rows - 1) + ")");
        }
        if (isFull()) {
            throw new IllegalStateException("position " + position + ", there is room for " + longest
                    + "; restart, or make a decoder of more positions");
        }
        step.putInt(0, id).putInt(APART, position++);
        program.stream().upload(memory, 0, step.clear());
        program.run(Computation.PREDICT);
    }

    /** What the network says after the last id: one number per class, valid until the next call. Waits. */
    public FloatBuffer logits() {
        program.stream().download(output.clear(), program.tensor(Role.OUTPUT).buffer(), 0);
        return output.clear().order(ByteOrder.nativeOrder()).asFloatBuffer();
    }

    /** Forgets all ids. */
    public void restart() {
        position = 0;
    }

    @Override
    public void close() {
        program.close();
        memory.close();
    }
}
