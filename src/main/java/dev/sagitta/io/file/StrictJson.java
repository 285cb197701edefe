package dev.sagitta.io.file;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;

/** How every JSON text of a stranger is read: within limits, no name twice. For the rooms below {@code io} alone, as its signatures name Jackson. */
public final class StrictJson {
    private static final StreamReadConstraints LIMITS = StreamReadConstraints.builder()
            .maxNestingDepth(32)
            .maxNumberLength(64)
            .maxNameLength(4096)
            .maxStringLength((int) JsonInput.LONGEST_FILE)
            .build();

    private StrictJson() {}

    public static JsonFactory factory() {
        return JsonFactory.builder()
                .streamReadConstraints(LIMITS)
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .build();
    }

    /** What is wrong and where, in one line. */
    public static DataException malformed(String where, JsonProcessingException e) {
        String at = e.getLocation() == null
                ? ""
                : " (line " + e.getLocation().getLineNr() + ", column "
                        + e.getLocation().getColumnNr() + ")";
        return new DataException(where + ": malformed JSON: " + e.getOriginalMessage() + at, e);
    }
}
