package dev.sagitta.io.huggingface;

import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How an architecture's parameters are called here and there: a line per pattern, {@code {i}} for a layer's index. A line is
 *
 * <pre>
 * ours  theirs             the same tensor
 * ours  theirs transposed  theirs is [in, out], as GPT-2's Conv1D stores a weight; ours [out, in]
 * ours  theirs unsqueezed  theirs has axes of 1 in front and three in all, as torchvision stores what it adds to each example
 * ours  theirs optional    may be there although this network has no such parameter: an output that is tied
 * ours  theirs kept        the same, and carried from folder to folder, see {@link Checkpoint#BESIDE}: an output that this network does not have
 * -     theirs             of no parameter: buffers and heads that Hugging Face passes over, too
 * </pre>
 *
 * @param prefix that files of a bare model leave out
 */
record NameTable(String prefix, List<Line> lines) {
    private static final String INDEX = "{i}";
    private static final int UNSQUEEZED_AXES = 3;

    /** What a line says beside the two names. */
    enum Kind {
        SAME,
        TRANSPOSED,
        UNSQUEEZED,
        OPTIONAL,
        KEPT,
        LEFT_OUT
    }

    /** One line of the table. */
    record Line(String ours, String theirs, Kind kind, Pattern oursPattern, Pattern theirsPattern) {
        static Line parse(String text) {
            String[] words = text.split(" +");
            if (words.length < 2 || words.length > 3) {
                throw new IllegalArgumentException("a line of a table of names is '" + text + "'");
            }
            Kind kind = words[0].equals("-")
                    ? Kind.LEFT_OUT
                    : words.length == 2 ? Kind.SAME : Kind.valueOf(words[2].toUpperCase(java.util.Locale.ROOT));
            return new Line(words[0], words[1], kind, pattern(words[0]), pattern(words[1]));
        }

        private static Pattern pattern(String name) {
            int at = name.indexOf(INDEX);
            return Pattern.compile(
                    at < 0
                            ? Pattern.quote(name)
                            : Pattern.quote(name.substring(0, at)) + "(0|[1-9][0-9]{0,4})"
                                    + Pattern.quote(name.substring(at + INDEX.length())));
        }
    }

    /** The tensor of a parameter. */
    record Theirs(String name, Kind kind) {
        /** The shape there of a parameter's. */
        Shape shape(Shape ours) {
            Shape shape = kind == Kind.TRANSPOSED ? Transposed.of(ours) : ours;
            while (kind == Kind.UNSQUEEZED && shape.rank() < UNSQUEEZED_AXES) {
                shape = shape.prepend(1);
            }
            return shape;
        }

        /** A parameter's values as they are there. */
        HostTensor tensor(HostTensor ours) {
            return kind == Kind.TRANSPOSED
                    ? Transposed.of(ours)
                    : new HostTensor(ours.name(), ours.dtype(), shape(ours.shape()), ours.bytes());
        }
    }

    /** @param lines see above */
    static NameTable of(String prefix, String lines) {
        return new NameTable(prefix, lines.lines().map(Line::parse).toList());
    }

    /** The tensor of one of our parameters; null where the table has none. */
    Theirs theirs(String ours) {
        for (Line line : lines) {
            Matcher matcher = line.oursPattern.matcher(ours);
            if (line.kind != Kind.LEFT_OUT && matcher.matches()) {
                return new Theirs(
                        matcher.groupCount() == 0 ? line.theirs : line.theirs.replace(INDEX, matcher.group(1)),
                        line.kind);
            }
        }
        return null;
    }

    /** Whether a tensor may be there although no parameter of the network is it. */
    boolean isLeftOut(String theirs) {
        return lines.stream()
                .anyMatch(line -> (line.kind == Kind.LEFT_OUT || line.kind == Kind.OPTIONAL)
                        && line.theirsPattern.matcher(theirs).matches());
    }

    /** Whether a tensor that no parameter of the network is goes from folder to folder. */
    boolean isKept(String theirs) {
        return lines.stream()
                .anyMatch(line -> line.kind == Kind.KEPT
                        && line.theirsPattern.matcher(theirs).matches());
    }

    private boolean knows(String theirs) {
        return lines.stream()
                .anyMatch(line -> line.theirsPattern.matcher(theirs).matches());
    }

    /** As the table has it: {@code LayerNorm.gamma} of old files is {@code LayerNorm.weight}, and the prefix is there. */
    String canonical(String name) {
        String now = name.endsWith("LayerNorm.gamma")
                ? name.substring(0, name.length() - "gamma".length()) + "weight"
                : name.endsWith("LayerNorm.beta") ? name.substring(0, name.length() - "beta".length()) + "bias" : name;
        return !knows(now) && knows(prefix + now) ? prefix + now : now;
    }

    /** All patterns of parameters, for tests. */
    Map<String, String> patterns() {
        Map<String, String> patterns = new LinkedHashMap<>();
        List<Line> named = new ArrayList<>(lines);
        named.removeIf(line -> line.kind == Kind.LEFT_OUT);
        named.forEach(line -> patterns.put(line.ours, line.theirs));
        return patterns;
    }
}
