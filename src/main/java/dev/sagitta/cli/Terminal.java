package dev.sagitta.cli;

/** Whether a person is watching. Java can only tell for all three streams at once, so the launcher says it. */
final class Terminal {
    /** Set by the launcher. */
    private static final String STDERR = "sagitta.terminal";

    private Terminal() {}

    static boolean isStderr() {
        return Boolean.getBoolean(STDERR);
    }
}
