package dev.sagitta.kernel.attention;

import dev.sagitta.device.DeviceKind;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Every pass on tensor cores against fp64 and against the formulas with factors rounded likewise. Devices that have none run the plain pass, which {@code
 * AttentionKernelTest} holds against fp64.
 */
final class AttentionMmaKernelTest extends KernelSuite {
    @Override
    protected boolean runsOn(DeviceKind kind) {
        return kind == DeviceKind.CUDA;
    }

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (AttentionMma.Factors factors : AttentionMma.Factors.values()) {
            for (AttentionCase one : AttentionShapes.rounded()) {
                add(cases, factors, "forward", one, AttentionCase.On::forward);
                add(cases, factors, "backward", one, AttentionCase.On::backward);
                add(cases, factors, "tangent", one, AttentionCase.On::tangent);
                add(cases, factors, "tangent backward", one, AttentionCase.On::tangentBackward);
                add(cases, factors, "curvature", one, AttentionCase.On::curvature);
            }
        }
        // those that the suite of timed kernels leaves to GPUs
        new AttentionMmaCases()
                .cases()
                .forEach(timed -> cases.add(
                        new KernelCase(timed.name(), false, b -> timed.body().accept(b))));
        return cases;
    }

    private static void add(
            List<KernelCase> cases,
            AttentionMma.Factors factors,
            String pass,
            AttentionCase one,
            Consumer<AttentionCase.On> run) {
        String name = "attention " + factors.name().toLowerCase(Locale.ROOT) + " " + pass + " " + one;
        cases.add(new KernelCase(name, one.small(), b -> run.accept(one.on(b, factors))));
    }
}
