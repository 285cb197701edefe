package dev.sagitta.program;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Decoding;
import dev.sagitta.graph.Graph;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.reduce.Likeliest;
import dev.sagitta.kernel.reduce.Reduce;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Objects;
import java.util.function.UnaryOperator;

/**
 * A network over ids, one id after the other: what it says about the next one depends on all that came before, whose keys and values stay on the device. A
 * step is one upload of eight bytes that matter and the launches of one compiled program, the same for every position; only {@link #logits} waits. Where the
 * likeliest id is wanted, the device chooses it and goes on ({@link #choose}, {@link #takeChosen}): then many steps are enqueued before one waits.
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
    /** Whether the last id's logits have not been chosen from. */
    private boolean fresh;
    /** Null before the first choice. */
    private Choice choice;

    /** Ids that the device chose, by position, and what chooses them. */
    private static final class Choice implements AutoCloseable {
        private final Buffer memory;
        private final Buffer partials;
        private final Step step;
        private final ByteBuffer host;

        Choice(Program program, Tensor id, Tensor position, int longest) {
            Device device = program.device();
            Tensor logits = program.tensor(Role.OUTPUT);
            Shape work = Reduce.partials(device, 1, logits.elements());
            long bytes = Integer.BYTES * (longest + 1L);
            this.host = ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.nativeOrder());
            this.memory = device.allocate(bytes, MemoryCategory.DATA, "chosen ids");
            try {
                this.partials = device.allocate(Float.BYTES * work.elements(), MemoryCategory.WORKSPACE, "partials");
            } catch (RuntimeException | Error e) {
                memory.close();
                throw e;
            }
            try {
                Tensor ids = new Tensor("ids", memory, DType.I32, Shape.of(longest + 1L));
                this.step = new Likeliest(logits, id, position, ids, new Tensor("partials", partials, DType.F32, work))
                        .prepare(device);
            } catch (RuntimeException | Error e) {
                partials.close();
                memory.close();
                throw e;
            }
        }

        @Override
        public void close() {
            step.close();
            partials.close();
            memory.close();
        }
    }

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
        requireRoom();
        step.putInt(0, id).putInt(APART, position);
        program.stream().upload(memory, 0, step.clear());
        run();
    }

    private void requireRoom() {
        if (isFull()) {
            throw new IllegalStateException("position " + position + ", there is room for " + longest
                    + "; restart, or make a decoder of more positions");
        }
    }

    private void run() {
        program.run(Computation.PREDICT);
        position++;
        fresh = true;
    }

    /** Whether {@link #choose} is possible: every id that it may choose has a row in the network's table. */
    public boolean canChoose() {
        return program.tensor(Role.OUTPUT).elements() <= rows;
    }

    /**
     * Enqueues the choice of the likeliest id after the last one, of equal ones the first; nothing waits. {@link #takeChosen} goes on with it.
     *
     * @throws IllegalStateException if no id was taken since the last choice, or not {@link #canChoose}
     */
    public void choose() {
        if (!fresh || !canChoose()) {
            throw new IllegalStateException(
                    fresh
                            ? "the network has more outputs than its table has rows: take the ids"
                            : "no id was taken since the last choice");
        }
        if (choice == null) {
            choice = new Choice(program, part(0, Shape.of(1)), part(APART, Shape.of(1)), longest);
        }
        choice.step.enqueue(program.stream());
        fresh = false;
    }

    /**
     * Enqueues the step of the id that {@link #choose} chose; nothing waits.
     *
     * @throws IllegalStateException if it chose none since the last step, or {@link #isFull}
     */
    public void takeChosen() {
        if (fresh || position == 0) {
            throw new IllegalStateException("no id was chosen since the last step");
        }
        requireRoom();
        run();
    }

    /**
     * Ids that were chosen. Waits.
     *
     * @param from position of the first of them; one that was chosen and not yet taken is at {@link #position}
     * @param into receives them from element {@code at} on
     * @throws IllegalArgumentException if a logit was not a number
     */
    public void chosen(int from, int count, int[] into, int at) {
        Objects.checkFromIndexSize(from, count, position + (fresh ? 0 : 1));
        Objects.checkFromIndexSize(at, count, into.length);
        program.stream()
                .download(choice.host.clear().limit(Integer.BYTES * count), choice.memory, (long) Integer.BYTES * from);
        for (int i = 0; i < count; i++) {
            into[at + i] = choice.host.getInt(Integer.BYTES * i);
            if (into[at + i] < 0) {
                throw NextId.notANumber(-1 - into[at + i]);
            }
        }
    }

    /** What the network says after the last id: one number per class, valid until the next call. Waits. */
    public FloatBuffer logits() {
        program.stream().download(output.clear(), program.tensor(Role.OUTPUT).buffer(), 0);
        return output.clear().order(ByteOrder.nativeOrder()).asFloatBuffer();
    }

    /** Forgets all ids. */
    public void restart() {
        position = 0;
        fresh = false;
    }

    @Override
    public void close() {
        if (choice != null) {
            choice.close();
        }
        program.close();
        memory.close();
    }
}
