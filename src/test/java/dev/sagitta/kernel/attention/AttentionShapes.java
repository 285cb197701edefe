package dev.sagitta.kernel.attention;

import java.util.ArrayList;
import java.util.List;

/** The shapes and features that attention is tested with. */
final class AttentionShapes {
    private AttentionShapes() {}

    static List<AttentionCase> all() {
        List<AttentionCase> cases = new ArrayList<>();
        cases.add(plain("one", true, AttentionProblem.of(1, 1, 1, 1, 1, 1), 1));
        cases.add(plain("plain", true, AttentionProblem.of(2, 2, 2, 5, 7, 8), 2));
        cases.add(plain("causal", true, AttentionProblem.of(1, 2, 1, 9, 6, 9).seeing(true, 0), 1));
        cases.add(plain(
                "packed",
                false,
                AttentionProblem.of(2, 4, 2, 33, 33, 12).seeing(true, 0).packed(),
                3));
        // more than curvature has in one group
        cases.add(plain("many probes", false, AttentionProblem.of(1, 2, 1, 6, 9, 8), 19));
        cases.add(plain("tiles", false, AttentionProblem.of(1, 2, 2, 64, 128, 64), 1));
        cases.add(plain("ragged", false, AttentionProblem.of(2, 3, 1, 131, 70, 33), 2));
        cases.add(plain(
                "causal, more keys",
                false,
                AttentionProblem.of(1, 2, 2, 70, 150, 40).seeing(true, 0),
                2));
        cases.add(plain(
                "causal, more queries",
                false,
                AttentionProblem.of(1, 2, 2, 150, 67, 16).seeing(true, 0),
                2));
        cases.add(plain(
                "one query", false, AttentionProblem.of(2, 4, 2, 1, 201, 64).seeing(true, 0), 2));
        cases.add(plain("one key", false, AttentionProblem.of(2, 2, 2, 77, 1, 24), 1));
        cases.add(plain(
                "wide heads", false, AttentionProblem.of(1, 2, 1, 66, 70, 129).seeing(true, 0), 2));
        cases.add(plain("widest heads", false, AttentionProblem.of(1, 1, 1, 65, 65, 256), 1));
        cases.add(plain("window", true, AttentionProblem.of(1, 1, 1, 11, 11, 8).seeing(true, 3), 1));
        cases.add(plain(
                "window to both sides",
                false,
                AttentionProblem.of(1, 2, 2, 200, 190, 16).seeing(false, 40),
                2));
        cases.add(plain(
                "causal window",
                false,
                AttentionProblem.of(2, 2, 1, 190, 200, 20).seeing(true, 65),
                2));
        cases.add(plain("scale", false, AttentionProblem.of(1, 1, 1, 40, 40, 16).scaled(1), 1));
        AttentionProblem some = AttentionProblem.of(3, 4, 2, 75, 80, 24);
        cases.add(new AttentionCase("lengths", false, some, 2, true, false, 0, ""));
        cases.add(new AttentionCase("causal lengths", false, some.seeing(true, 0), 2, true, false, 0, ""));
        cases.add(new AttentionCase("ALiBi", false, some.seeing(true, 0), 2, false, true, 0, ""));
        cases.add(new AttentionCase("common offset", false, some, 2, false, false, 10, ""));
        cases.add(plain("dropout", false, some.dropping(0.3f, 7), 2));
        AttentionProblem odd =
                AttentionProblem.of(2, 2, 1, 7, 9, 8).seeing(true, 4).dropping(0.25f, 5);
        cases.add(new AttentionCase("everything", true, odd, 2, true, true, 1, ""));
        AttentionProblem few = AttentionProblem.of(1, 2, 1, 10, 12, 8);
        for (String without :
                List.of("q", "k", "v", "o", "qk", "kv", "qv", "qkv", "Q", "K", "V", "KV", "QK", "QV", "l")) {
            cases.add(new AttentionCase("without " + without, false, few, 2, false, false, 0, without));
        }
        return cases;
    }

    /** For tensor cores: those and others whose heads and tiles theirs fit. */
    static List<AttentionCase> rounded() {
        List<AttentionCase> cases = new ArrayList<>(all());
        cases.add(plain("head of 32", true, AttentionProblem.of(1, 2, 1, 40, 48, 32), 1));
        cases.add(plain(
                "head of 128", false, AttentionProblem.of(1, 2, 1, 70, 90, 128).seeing(true, 0), 2));
        cases.add(plain("head of 96", false, AttentionProblem.of(1, 1, 1, 65, 33, 96), 1));
        cases.add(plain(
                "packed heads of 64",
                false,
                AttentionProblem.of(2, 2, 1, 80, 80, 64).seeing(true, 0).packed(),
                1));
        return cases;
    }

    private static AttentionCase plain(String name, boolean small, AttentionProblem problem, int copies) {
        return new AttentionCase(name, small, problem, copies, false, false, 0, "");
    }
}
