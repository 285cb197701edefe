package dev.sagitta.random;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Random numbers on the host, named by (seed, purpose, index): Philox 4x32-10, as on devices. Every draw that a user sees comes from a stream
 * of its own purpose, whether it is drawn here or by a kernel under {@link #key}: two purposes of one seed have nothing to do with each other, nor
 * have two seeds or two indices, and no draw depends on how many others were made. A purpose is a path: {@code held-out},
 * {@code weights/fc1.weight}.
 *
 * <p>Not for several threads.
 */
public final class RandomStream {
    private static final int BYTES_PER_BLOCK = 8;

    private final long key;
    private final long index;
    private final int[] words = new int[Philox.WORDS];
    private long block;
    private int used = Philox.WORDS;

    private RandomStream(long key, long index) {
        this.key = key;
        this.index = index;
    }

    /** The first stream of a purpose. */
    public static RandomStream of(long seed, String purpose) {
        return of(seed, purpose, 0);
    }

    /** One of a row of streams: of each epoch, of each probe. */
    public static RandomStream of(long seed, String purpose, long index) {
        return new RandomStream(key(seed, purpose), index);
    }

    /**
     * The Philox key of a purpose, for a state on a device ({@code kernel.random.Random}): the purpose's UTF-8 bytes, eight to a block, pass
     * through Philox one after the other, each under the key that the one before left; the first key is the seed.
     */
    public static long key(long seed, String purpose) {
        byte[] bytes = purpose.getBytes(StandardCharsets.UTF_8);
        if (bytes.length == 0) {
            throw new IllegalArgumentException("random stream: the purpose is empty, expected a name as 'held-out'");
        }
        int[] words = new int[Philox.WORDS];
        long key = seed;
        for (int at = 0; at < bytes.length; at += BYTES_PER_BLOCK) {
            long piece = 0;
            for (int i = at; i < Math.min(at + BYTES_PER_BLOCK, bytes.length); i++) {
                piece |= (bytes[i] & 0xFFL) << 8 * (i - at);
            }
            // the length, so that no purpose is another one and zero bytes
            Philox.block(piece, Integer.toUnsignedLong(bytes.length), key, words);
            key = Integer.toUnsignedLong(words[0]) | (long) words[1] << 32;
        }
        return key;
    }

    /** 32 random bits. */
    public int nextInt() {
        if (used == Philox.WORDS) {
            Philox.block(block++, index, key, words);
            used = 0;
        }
        return words[used++];
    }

    /** Uniform in [0, bound), without bias (Lemire 2019). */
    public int nextInt(int bound) {
        if (bound < 1) {
            throw new IllegalArgumentException("random stream: bound " + bound + ", expected at least 1");
        }
        long product = Integer.toUnsignedLong(nextInt()) * bound;
        if ((product & 0xFFFFFFFFL) < bound) {
            long least = (1L << 32) % bound;
            while ((product & 0xFFFFFFFFL) < least) {
                product = Integer.toUnsignedLong(nextInt()) * bound;
            }
        }
        return (int) (product >>> 32);
    }

    /** Uniform in [0, 1) in steps of 2^-53. */
    public double nextDouble() {
        long high = nextInt() & 0xFFFFFFFFL;
        long low = nextInt() & 0xFFFFFFFFL;
        return ((high << 32 | low) >>> 11) * 0x1p-53;
    }

    /** The numbers 0 .. n - 1 in random order. */
    public int[] permutation(int n) {
        int[] order = new int[n];
        permute(order);
        return order;
    }

    /** Fills with the numbers 0 .. length - 1 in random order (Fisher and Yates). */
    public void permute(int[] order) {
        Arrays.setAll(order, i -> i);
        for (int i = order.length - 1; i > 0; i--) {
            int j = nextInt(i + 1);
            int swapped = order[i];
            order[i] = order[j];
            order[j] = swapped;
        }
    }
}
