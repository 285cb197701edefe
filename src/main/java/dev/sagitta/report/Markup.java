package dev.sagitta.report;

/** Text inside SVG and HTML. */
final class Markup {
    private Markup() {}

    /** Characters that would end an element or an attribute, and those that XML does not allow, are replaced. */
    static String escape(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16);
        text.codePoints().forEach(c -> {
            switch (c) {
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '&' -> out.append("&amp;");
                case '"' -> out.append("&quot;");
                case '\'' -> out.append("&#39;");
                default -> {
                    boolean control = c < 0x20 && c != '\n' && c != '\t' && c != '\r';
                    boolean surrogate = c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE;
                    out.appendCodePoint(control || surrogate || c == 0xfffe || c == 0xffff ? 0xfffd : c);
                }
            }
        });
        return out.toString();
    }
}
