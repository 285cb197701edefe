package dev.sagitta.io.huggingface;

import java.util.Collection;

/** The name that someone may have meant. */
final class NearestName {
    /** A name longer than this is hostile, and the distance takes the product of both lengths. */
    private static final int LONGEST = 200;

    private static final int MOST = 20_000;
    /** More of a name than this share is another name, not a slip. */
    private static final double SLIP = 0.4;

    private NearestName() {}

    /** Of the least edit distance (insertions, deletions, substitutions), the first where several have it; null where none is alike. */
    static String of(String name, Collection<String> known) {
        String nearest = null;
        int least = 1 + (int) (SLIP * name.length());
        int seen = 0;
        for (String other : known) {
            if (++seen > MOST) {
                break;
            }
            int distance = distance(name, other, least);
            if (distance < least) {
                least = distance;
                nearest = other;
            }
        }
        return nearest;
    }

    /** @param enough where the distance is no less it need not be exact */
    static int distance(String a, String b, int enough) {
        if (a.length() > LONGEST || b.length() > LONGEST || Math.abs(a.length() - b.length()) >= enough) {
            return Integer.MAX_VALUE;
        }
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(substituted, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
