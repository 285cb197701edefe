package dev.sagitta.io.file;

import java.nio.ByteBuffer;

/** The mark that editors put at the start of a text: in UTF-8 it means nothing and is skipped, in other encodings it tells of them. */
public final class ByteOrderMark {
    private ByteOrderMark() {}

    /**
     * Moves the buffer, which stands at the start of a text, beyond a mark of UTF-8.
     *
     * @throws DataException if the text is marked as UTF-16 or UTF-32
     */
    public static ByteBuffer skip(ByteBuffer text, String file) {
        int start = text.position();
        if (begins(text, 0xef, 0xbb, 0xbf)) {
            return text.position(start + 3);
        }
        // the little-endian mark of UTF-32 begins with that of UTF-16
        String other = begins(text, 0xff, 0xfe, 0, 0) || begins(text, 0, 0, 0xfe, 0xff)
                ? "UTF-32"
                : begins(text, 0xff, 0xfe) || begins(text, 0xfe, 0xff) ? "UTF-16" : null;
        if (other != null) {
            throw new DataException(file + ": it begins with the byte order mark of " + other
                    + ", expected UTF-8; convert it with iconv -f " + other + " -t UTF-8");
        }
        return text;
    }

    private static boolean begins(ByteBuffer text, int... bytes) {
        if (text.remaining() < bytes.length) {
            return false;
        }
        for (int i = 0; i < bytes.length; i++) {
            if (Byte.toUnsignedInt(text.get(text.position() + i)) != bytes[i]) {
                return false;
            }
        }
        return true;
    }
}
