package dev.sagitta.graph.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** An op is in {@link OpTypes}, and what the documents say of it is what it says of itself. */
class OpTypesTest {
    private static final Path DOCUMENT = Path.of("docs/OPS.md");

    @Test
    void everyTypeIsListedOnce() throws ReflectiveOperationException {
        List<OpType> declared = new ArrayList<>();
        for (JavaClass type : new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("dev.sagitta.graph.op")) {
            for (JavaField field : type.getFields()) {
                if (!field.getModifiers().contains(JavaModifier.STATIC)) {
                    continue;
                }
                if (field.getRawType().isEquivalentTo(OpType.class)) {
                    declared.add((OpType) field.reflect().get(null));
                } else if (field.getName().equals("TYPES")) {
                    ((List<?>) field.reflect().get(null)).forEach(one -> declared.add((OpType) one));
                }
            }
        }
        assertThat(OpTypes.standard().all()).containsExactlyInAnyOrderElementsOf(declared);
    }

    @Test
    void aTypeOfTheCallersStandsBesideThem() {
        OpType mine = OpType.of("mine", 1, "nothing", m -> null);
        OpTypes more = OpTypes.standard().with(mine);
        assertThat(more.get("mine")).isSameAs(mine);
        assertThat(OpTypes.standard().get("mine")).isNull();
        assertThatThrownBy(() -> more.with(mine)).hasMessage("op type 'mine' exists already; names must be unique");
    }

    /** {@code -Dsagitta.print=docs} writes it. */
    @Test
    @Tag("tree")
    void theDocumentIsWhatTheTypesSay() throws IOException {
        String text = document();
        if ("docs".equals(System.getProperty("sagitta.print"))) {
            Files.writeString(DOCUMENT, text);
        }
        assertThat(Files.readString(DOCUMENT))
                .as("%s; mvn test -Dtest=OpTypesTest -Dsagitta.print=docs writes it", DOCUMENT)
                .isEqualTo(text);
    }

    private static String document() {
        StringBuilder text = new StringBuilder("""
                # Layers

                Printed from the ops themselves (`OpTypesTest`). Every layer takes a `name` and `from` besides; [model-format.md](model-format.md) says what they mean.

                | type | reads | fields | computes |
                |---|---|---|---|
                """);
        for (OpType type : OpTypes.standard().all()) {
            text.append("| `").append(type.name()).append("` | ");
            text.append(inputs(type))
                    .append(type.ids().contains(0) ? " (ids)" : "")
                    .append(" | ");
            text.append(String.join(
                    "; ", type.fields().stream().map(OpTypesTest::field).toList()));
            text.append(" | ").append(type.says()).append(" |\n");
        }
        return text.toString();
    }

    private static String inputs(OpType type) {
        return type.least() == type.most()
                ? type.least() + ""
                : type.most() == Integer.MAX_VALUE ? type.least() + " or more" : type.least() + " to " + type.most();
    }

    private static String field(Field<?> field) {
        String values =
                switch (field.kind()) {
                    case EXTENT, POSITIONS, INTEGER -> "integer";
                    case NUMBER -> "number from " + field.least() + " to " + field.most();
                    case FLAG -> "flag";
                    case TEXT -> field.choices().isEmpty() ? "string" : String.join(" or ", field.choices());
                    case PARAMETER -> "name of a parameter";
                    case CHARACTERS -> "string or true";
                    case INTEGERS -> "integers";
                    case PER_AXIS -> "integer, or one per axis";
                    case GROUP ->
                        "object of "
                                + String.join(
                                        ", ",
                                        field.fields().stream()
                                                .map(OpTypesTest::field)
                                                .toList());
                };
        String absent = field.absent() == null ? "" : ", default " + shown(field.absent());
        return "`" + field.name() + "` (" + values + absent + "): " + field.says();
    }

    /** One number for all axes as people write it. */
    private static Object shown(Object absent) {
        return absent instanceof List<?> list && list.size() == 1 ? list.get(0) : absent;
    }
}
