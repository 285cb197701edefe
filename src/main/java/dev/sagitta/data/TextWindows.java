package dev.sagitta.data;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.model.HeldOut;
import dev.sagitta.random.RandomStream;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Each example is {@code context} characters or tokens of a text and, as its label, the one after them; or, for networks with an output per position, as
 * labels those after each of them. Windows overlap, so that held-out examples are whole blocks of the text: no window of one part shares a character with
 * the other. Of windows with labels for all positions, those held out do not overlap: each character is judged once.
 */
final class TextWindows extends DataSet {
    /** The text is cut into this many blocks, a tenth of which is held out. */
    private static final int BLOCKS = 100;

    private static final int SHORTEST_BLOCK_IN_WINDOWS = 10;

    /** Rows that a table may have beyond the tokens: authors round its size up. */
    private static final int SPARE = 1024;

    private final TextData text;
    private final int context;
    private final boolean perPosition;

    TextWindows(TextData text, int context, boolean perPosition, String source) {
        super(source, source, DType.I32, Shape.of(context), DType.I32, perPosition ? Shape.of(context) : Shape.of());
        this.text = text;
        this.context = context;
        this.perPosition = perPosition;
    }

    @Override
    public int size() {
        return text.length() - context;
    }

    @Override
    void copyInput(int row, ByteBuffer out, int position) {
        for (int i = 0; i < context; i++) {
            out.putInt(position + Integer.BYTES * i, text.id(row + i));
        }
    }

    @Override
    void copyTarget(int row, ByteBuffer out, int position) {
        for (int i = perPosition ? 1 : context; i <= context; i++) {
            out.putInt(position, text.id(row + i));
            position += Integer.BYTES;
        }
    }

    @Override
    int countedTargets(int row) {
        return perPosition ? context : 1;
    }

    @Override
    void requireLabels(int classes) {
        requireIds(classes);
    }

    @Override
    void requireIds(long rows) {
        if (text.vocabulary() != null && text.classes() > rows) {
            throw new DataException(
                    source() + ": the text has " + text.classes() + " different characters, the model knows " + rows);
        }
        if (text.vocabulary() == null && (text.classes() > rows || text.classes() <= rows - SPARE)) {
            throw new DataException(source() + ": the tokeniser has " + text.classes() + " tokens, the model's table "
                    + rows + " rows; give the tokenizer.json of this model");
        }
    }

    @Override
    public Split split(long seed) {
        long window = context + 1L;
        long blocks = Math.min(BLOCKS, text.length() / (SHORTEST_BLOCK_IN_WINDOWS * window));
        if (blocks < 2) {
            // a short text: the blocks are as short as they can be, which still leaves a window in each
            blocks = Math.min(10, text.length() / window);
        }
        if (blocks < 2) {
            throw new DataException(source() + ": " + text.length() + " " + text.unit() + ", at least " + 2 * window
                    + " are needed to hold some out at a context of " + context + "; give a shorter context");
        }
        int count = (int) blocks;
        BitSet heldOut = new BitSet();
        int[] order = RandomStream.of(seed, HeldOut.PURPOSE).permutation(count);
        for (int i = 0; i < Math.max(1, count / 10); i++) {
            heldOut.set(order[i]);
        }
        int[] train = new int[size()];
        int[] held = new int[size()];
        int trainCount = 0;
        int heldCount = 0;
        int free = 0;
        for (int row = 0; row < size(); row++) {
            boolean first = heldOut.get(block(row, count));
            // a window inside one block, or across blocks of the same part: the blocks it touches are the first, the
            // last and those between
            if (first != heldOut.get(block(row + context, count))) {
                continue;
            }
            if (first) {
                if (row >= free) {
                    held[heldCount++] = row;
                    free = perPosition ? row + context : row;
                }
            } else {
                train[trainCount++] = row;
            }
        }
        HeldOut record = new HeldOut(
                HeldOut.TEXT,
                perPosition ? HeldOut.TENTH_OF_BLOCKS_APART : HeldOut.TENTH_OF_BLOCKS,
                seed,
                size(),
                heldCount);
        return new Split(
                new RowSubset(this, Arrays.copyOf(train, trainCount)).holdingOut(record),
                new RowSubset(this, Arrays.copyOf(held, heldCount)));
    }

    /** A block is at least a window long, so that a window touches two at most. */
    private int block(long position, int blocks) {
        return (int) (position * blocks / text.length());
    }
}
