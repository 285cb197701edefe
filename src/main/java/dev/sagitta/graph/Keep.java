package dev.sagitta.graph;

import java.util.function.Predicate;

/**
 * Something of the forward pass that a later pass reads: an op lists what in {@link Op#keeps}, and reads it by the same constant. How it is
 * stored, and for how long, is the program's business. Where tangents are computed beside the forward pass, the tangent of a kept input or output can
 * be read later as well.
 */
public final class Keep {
    /** Where it comes from. */
    public enum Source {
        /** The value of an input. */
        INPUT,
        /** The value of an output. */
        OUTPUT,
        /** Made by the op's forward pass for later. */
        OWN,
        /** The same, a bit per element. */
        BITS
    }

    /** Which derivatives of a node are wanted. */
    public interface Needs {
        boolean input(int i);

        /** Whether the op has a parameter that is trained. */
        boolean parameters();

        /** Whether parameter i of the op's list is trained. */
        boolean parameter(int i);
    }

    private final String name;
    private final Source source;
    private final int index;
    private final boolean linear;
    private final boolean exact;
    private final Predicate<Needs> when;

    private Keep(String name, Source source, int index, boolean linear, boolean exact, Predicate<Needs> when) {
        this.name = name;
        this.source = source;
        this.index = index;
        this.linear = linear;
        this.exact = exact;
        this.when = when;
    }

    /** The value of an input: stored once, however many ops keep it. */
    public static Keep input(int i) {
        return new Keep("input" + i, Source.INPUT, i, false, false, needs -> true);
    }

    /** The value of an output; what the op behind it may keep as its input is the same value. */
    public static Keep output(int i) {
        return new Keep("output" + i, Source.OUTPUT, i, false, false, needs -> true);
    }

    /** A small value that forward makes for later, such as statistics of rows; never compressed. */
    public static Keep own(String name) {
        return new Keep(name, Source.OWN, 0, true, true, needs -> true);
    }

    /** A bit per element that forward makes for later: signs, choices; never compressed. */
    public static Keep bits(String name) {
        return new Keep(name, Source.BITS, 0, true, true, needs -> true);
    }

    /** All that is computed from it is linear in it: unbiased noise in it leaves derivatives unbiased. */
    public Keep linear() {
        return new Keep(name, source, index, true, exact, when);
    }

    /** May not be compressed. */
    public Keep exact() {
        return new Keep(name, source, index, linear, true, when);
    }

    /** Only where these derivatives are wanted. */
    public Keep when(Predicate<Needs> wanted) {
        return new Keep(name, source, index, linear, exact, wanted);
    }

    public String name() {
        return name;
    }

    public Source source() {
        return source;
    }

    /** Of the input or output. */
    public int index() {
        return index;
    }

    public boolean isLinear() {
        return linear;
    }

    public boolean isExact() {
        return exact;
    }

    public boolean isWanted(Needs needs) {
        return when.test(needs);
    }

    /** Whether the op's forward pass makes it. */
    public boolean isMade() {
        return source == Source.OWN || source == Source.BITS;
    }

    @Override
    public String toString() {
        return name;
    }
}
