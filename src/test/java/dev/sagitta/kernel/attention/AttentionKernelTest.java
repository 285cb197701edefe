package dev.sagitta.kernel.attention;

import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import java.util.ArrayList;
import java.util.List;

/** Every mode against the quadratic formulas, each fed with the reference's own statistics. */
final class AttentionKernelTest extends KernelSuite {
    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (AttentionCase one : AttentionCase.all()) {
            cases.add(new KernelCase("attention forward " + one, one.small(), b -> one.on(b).forward()));
            cases.add(new KernelCase("attention delta " + one, one.small(), b -> one.on(b).delta()));
            cases.add(new KernelCase("attention backward " + one, one.small(), b -> one.on(b).backward()));
            cases.add(new KernelCase("attention tangent " + one, one.small(), b -> one.on(b).tangent()));
            cases.add(new KernelCase(
                    "attention tangent backward " + one, one.small(), b -> one.on(b).tangentBackward()));
            cases.add(new KernelCase("attention curvature " + one, one.small(), b -> one.on(b).curvature()));
        }
        return cases;
    }
}
