package dev.sagitta.io.array;

import dev.sagitta.io.file.DataException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The Python dictionary at the head of an npy file: {@code {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }}. Only what numpy
 * writes for plain arrays is accepted.
 */
record NpyHeader(String descr, boolean fortranOrder, long[] shape) {
    private static final int MOST_AXES = 32;

    static NpyHeader parse(String text, String file) {
        return new Parser(text, file).header();
    }

    private static final class Parser {
        private final String text;
        private final String file;
        private int at;

        Parser(String text, String file) {
            this.text = text;
            this.file = file;
        }

        NpyHeader header() {
            String descr = null;
            Boolean fortranOrder = null;
            long[] shape = null;
            Set<String> seen = new HashSet<>();
            expect('{');
            while (!accept('}')) {
                String key = string();
                if (!seen.add(key)) {
                    throw error("key '" + key + "' stands twice");
                }
                expect(':');
                switch (key) {
                    case "descr" -> descr = dtype();
                    case "fortran_order" -> fortranOrder = bool();
                    case "shape" -> shape = tuple();
                    default -> throw error("unknown key '" + key + "'; known: descr, fortran_order, shape");
                }
                if (!accept(',')) {
                    expect('}');
                    break;
                }
            }
            skipSpace();
            if (at != text.length()) {
                throw error("something follows the dictionary");
            }
            if (descr == null || fortranOrder == null || shape == null) {
                throw error("key '" + (descr == null ? "descr" : shape == null ? "shape" : "fortran_order")
                        + "' is missing");
            }
            return new NpyHeader(descr, fortranOrder, shape);
        }

        private String dtype() {
            skipSpace();
            if (at < text.length() && text.charAt(at) == '[') {
                throw error("the array has named fields, expected plain numbers; save one field of it");
            }
            return string();
        }

        private String string() {
            skipSpace();
            char quote = at < text.length() ? text.charAt(at) : 0;
            int end = quote == '\'' || quote == '"' ? text.indexOf(quote, at + 1) : -1;
            if (end < 0) {
                throw error("expected a quoted string at character " + at);
            }
            String value = text.substring(at + 1, end);
            at = end + 1;
            return value;
        }

        private boolean bool() {
            skipSpace();
            for (String word : new String[] {"True", "False"}) {
                if (text.startsWith(word, at)) {
                    at += word.length();
                    return word.equals("True");
                }
            }
            throw error("expected True or False at character " + at);
        }

        private long[] tuple() {
            List<Long> extents = new ArrayList<>();
            expect('(');
            while (!accept(')')) {
                extents.add(integer());
                if (extents.size() > MOST_AXES) {
                    throw error("the shape has more than " + MOST_AXES + " axes");
                }
                if (!accept(',')) {
                    expect(')');
                    break;
                }
            }
            return extents.stream().mapToLong(Long::longValue).toArray();
        }

        private long integer() {
            skipSpace();
            int start = at;
            while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
                at++;
            }
            try {
                long value = Long.parseLong(text.substring(start, at));
                // what Python 2 wrote
                if (at < text.length() && text.charAt(at) == 'L') {
                    at++;
                }
                return value;
            } catch (NumberFormatException e) {
                throw error("expected an extent below 2^63 at character " + start);
            }
        }

        private boolean accept(char c) {
            skipSpace();
            boolean found = at < text.length() && text.charAt(at) == c;
            at += found ? 1 : 0;
            return found;
        }

        private void expect(char c) {
            if (!accept(c)) {
                throw error("expected '" + c + "' at character " + at);
            }
        }

        private void skipSpace() {
            while (at < text.length() && (text.charAt(at) == ' ' || text.charAt(at) == '\n')) {
                at++;
            }
        }

        private DataException error(String message) {
            return new DataException(file + ": npy header: " + message);
        }
    }
}
