package dev.sagitta;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import dev.sagitta.device.KernelSource;
import dev.sagitta.device.Launch;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.io.file.StrictJson;
import dev.sagitta.program.Program;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** ARCHITECTURE.md: imports run downwards only. */
class RoomsTest {
    /** The lowest first; rooms of one row may know each other, but not in circles. */
    private static final List<List<String>> ROWS = List.of(
            List.of("device", "random"),
            List.of("tensor"),
            List.of("kernel"),
            List.of("graph"),
            List.of("program", "io"),
            List.of("data"),
            List.of("train", "quant", "compress", "curvature"),
            List.of("cli", "report"));

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.sagitta");

    private static String room(JavaClass type) {
        String name = type.getPackageName();
        return name.startsWith("dev.sagitta.") ? name.split("\\.")[2] : "";
    }

    private static int row(String room) {
        for (int i = 0; i < ROWS.size(); i++) {
            if (ROWS.get(i).contains(room)) {
                return i;
            }
        }
        return -1;
    }

    @Test
    void everyPackageIsARoom() {
        TreeSet<String> unknown = new TreeSet<>();
        for (JavaClass type : CLASSES) {
            if (row(room(type)) < 0) {
                unknown.add(type.getName());
            }
        }
        assertThat(unknown).as("classes in no room of ARCHITECTURE.md").isEmpty();
    }

    @Test
    void importsRunDownwardsOnly() {
        classes()
                .should(new ArchCondition<JavaClass>("import from their own row or below") {
                    @Override
                    public void check(JavaClass type, ConditionEvents events) {
                        for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
                            String target = room(dependency.getTargetClass());
                            if (!target.isEmpty() && row(target) > row(room(type))) {
                                events.add(SimpleConditionEvent.violated(type, dependency.getDescription()));
                            }
                        }
                    }
                })
                .check(CLASSES);
    }

    @Test
    void roomsDoNotGoInCircles() {
        slices().matching("dev.sagitta.(*)..").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void backEndsDoNotKnowEachOther() {
        noClasses()
                .that()
                .resideInAPackage("dev.sagitta.device.opencl..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.sagitta.device.cuda..")
                .check(CLASSES);
        noClasses()
                .that()
                .resideInAPackage("dev.sagitta.device.cuda..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.sagitta.device.opencl..")
                .check(CLASSES);
        noClasses()
                .that()
                .resideInAPackage("dev.sagitta.device")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.sagitta.device.cuda..", "dev.sagitta.device.opencl..", "jcuda..", "org.jocl..")
                .check(CLASSES);
    }

    /**
     * {@code Map.of}, {@code Set.of} and the copies draw their order anew in every JVM: what is written from one differs between equal runs.
     * Constants of kernels are the exception, {@link KernelSource} sorts them.
     */
    @Test
    void nothingHasAnOrderDrawnPerRun() {
        List<String> drawn = List.of("copyOf", "ofEntries", "toSet", "toMap", "toUnmodifiableSet", "toUnmodifiableMap");
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.sagitta.kernel..")
                .should()
                .callMethodWhere(DescribedPredicate.describe("gives a map or a set in an order of its own", call -> {
                    String owner = call.getTargetOwner().getName();
                    String name = call.getName();
                    int arguments = call.getTarget().getRawParameterTypes().size();
                    boolean collection = owner.equals("java.util.Map") || owner.equals("java.util.Set");
                    return (collection || owner.equals("java.util.stream.Collectors")) && drawn.contains(name)
                            || owner.equals("java.util.Map") && name.equals("of") && arguments > 2
                            || owner.equals("java.util.Set") && name.equals("of") && arguments > 1;
                }))
                .check(CLASSES);
    }

    @Test
    void onlyDescriptorsLaunch() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.sagitta.kernel..")
                .should()
                .callMethod(Stream.class, "launch", Launch.class)
                .check(CLASSES);
    }

    /** It is relocated in the jar: what compiles against target/classes would not run with the jar, and a caller has no such types. Nobody calls the command line. */
    @Test
    void noPublicSignatureNamesJackson() {
        TreeSet<String> found = new TreeSet<>();
        for (JavaClass type : CLASSES) {
            // the rooms of io share one reader of JSON, which no caller of the library needs
            if (room(type).equals("cli") || type.isEquivalentTo(StrictJson.class)) {
                continue;
            }
            for (JavaMember member : type.getMembers()) {
                boolean open = type.getModifiers().contains(JavaModifier.PUBLIC)
                        && (member.getModifiers().contains(JavaModifier.PUBLIC)
                                || member.getModifiers().contains(JavaModifier.PROTECTED));
                if (open
                        && member.getAllInvolvedRawTypes().stream()
                                .anyMatch(t -> t.getName().contains("jackson"))) {
                    found.add(member.getFullName());
                }
            }
        }
        assertThat(found).isEmpty();
    }

    /** A class per op, and nobody who asks which one: what differs between ops, they say themselves. */
    @Test
    void nobodyNamesAnOp() {
        DescribedPredicate<JavaClass> anOp =
                DescribedPredicate.describe("is an op", type -> type.isAssignableTo(Op.class) && !type.isInterface());
        noClasses()
                .that()
                .resideOutsideOfPackages("dev.sagitta.graph.op..", "dev.sagitta.graph.rewrite..")
                .and()
                .doNotHaveFullyQualifiedName(Layers.class.getName())
                .should()
                .dependOnClassesThat(anOp)
                .check(CLASSES);
        noClasses()
                .that()
                .resideOutsideOfPackages("dev.sagitta.graph.op..", "dev.sagitta.graph.rewrite..")
                .should()
                .callMethodWhere(DescribedPredicate.describe(
                        "compares the type of an op",
                        call -> call.getTarget().getName().equals("equals")
                                && call.getTargetOwner().isEquivalentTo(OpType.class)))
                .check(CLASSES);
    }

    /** Families of kernels know the ground and sums; gemm knows the bias that it falls back to, pointwise functions their sums. */
    @Test
    void familiesOfKernelsStandOnTheGround() {
        slices().matching("dev.sagitta.kernel.(*)..")
                .should()
                .notDependOnEachOther()
                .ignoreDependency(
                        DescribedPredicate.alwaysTrue(),
                        JavaClass.Predicates.resideInAPackage("dev.sagitta.kernel.reduce.."))
                .ignoreDependency(
                        JavaClass.Predicates.resideInAPackage("dev.sagitta.kernel.gemm.."),
                        JavaClass.Predicates.resideInAPackage("dev.sagitta.kernel.elementwise.."))
                .check(CLASSES);
    }

    /** What a program has once or for every parameter has a role; names are for ops with memory of their own, and for people. */
    @Test
    void rolesAreNoStrings() {
        noClasses()
                .that()
                .resideOutsideOfPackages("dev.sagitta.program..", "dev.sagitta.compress..")
                .should()
                .callMethod(Program.class, "tensor", String.class)
                .check(CLASSES);
    }
}
