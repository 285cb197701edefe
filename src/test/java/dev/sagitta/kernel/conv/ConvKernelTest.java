package dev.sagitta.kernel.conv;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Window;
import java.util.ArrayList;
import java.util.List;

/** The three products against their definition. */
final class ConvKernelTest extends KernelSuite {
    /** Copies of x and w, batch, height, width, channels, outputs, groups. */
    private record Size(int xs, int ws, int batch, int height, int width, int channels, int outputs, int groups) {}

    private static final Window PIXEL = new Window(1, 1, 1, 1, 0, 0, 1, 1);
    private static final Window SAME = new Window(3, 3, 1, 1, 1, 1, 1, 1);
    private static final Window HALF = new Window(3, 3, 2, 2, 1, 1, 1, 1);

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        add(cases, true, new Size(1, 1, 1, 1, 1, 1, 1, 1), PIXEL);
        add(cases, true, new Size(1, 1, 2, 3, 4, 5, 7, 1), PIXEL);
        add(cases, true, new Size(1, 1, 2, 5, 4, 3, 2, 1), SAME);
        add(cases, true, new Size(2, 1, 1, 4, 5, 2, 3, 1), SAME);
        add(cases, true, new Size(1, 2, 1, 4, 5, 2, 3, 1), SAME);
        add(cases, true, new Size(2, 2, 1, 5, 3, 2, 3, 1), HALF);
        add(cases, true, new Size(1, 1, 1, 5, 6, 4, 6, 2), new Window(2, 3, 1, 2, 0, 1, 2, 1));
        add(cases, true, new Size(1, 1, 1, 5, 4, 3, 3, 3), SAME);
        add(cases, false, new Size(1, 1, 3, 17, 15, 16, 16, 1), SAME);
        add(cases, false, new Size(1, 1, 2, 9, 14, 17, 33, 1), SAME);
        add(cases, false, new Size(3, 1, 2, 8, 8, 32, 64, 1), SAME);
        add(cases, false, new Size(1, 3, 2, 7, 7, 64, 48, 1), HALF);
        add(cases, false, new Size(1, 1, 1, 6, 5, 40, 20, 4), SAME);
        add(cases, false, new Size(1, 1, 2, 10, 9, 24, 24, 24), new Window(5, 5, 2, 2, 2, 2, 1, 1));
        add(cases, false, new Size(1, 1, 1, 11, 10, 3, 16, 1), new Window(7, 7, 2, 2, 3, 3, 1, 1));
        add(cases, false, new Size(1, 1, 1, 9, 300, 6, 5, 1), new Window(3, 3, 1, 1, 2, 2, 2, 2));
        add(cases, false, new Size(1, 1, 1, 1, 2000, 4, 6, 1), new Window(1, 9, 1, 4, 0, 4, 1, 1));
        // more channels than a part of an image in local memory has room for, and a stride beyond the window
        add(cases, false, new Size(1, 1, 1, 4, 40, 2100, 3, 1), SAME);
        add(cases, false, new Size(1, 1, 1, 13, 12, 2, 3, 1), new Window(2, 1, 4, 3, 1, 0, 1, 1));
        // 3 x 3 with stride 1 and channels that are multiples of 16, which Winograd serves on CPUs
        add(cases, false, new Size(1, 3, 3, 9, 7, 16, 48, 1), new Window(3, 3, 1, 1, 0, 2, 1, 1));
        add(cases, false, new Size(2, 2, 2, 5, 6, 48, 16, 1), new Window(3, 3, 1, 1, 2, 0, 1, 1));
        add(cases, false, new Size(1, 1, 1, 4, 5, 128, 128, 1), SAME);
        add(cases, false, new Size(1, 1, 1, 4, 5, 144, 16, 1), SAME);
        // a window that tiles on CPUs do not serve
        add(cases, true, new Size(1, 1, 1, 66, 1, 2, 3, 1), new Window(65, 1, 1, 1, 0, 0, 1, 1));
        return cases;
    }

    private static void add(List<KernelCase> cases, boolean small, Size size, Window window) {
        for (boolean add : new boolean[] {false, true}) {
            cases.add(new KernelCase(
                    size + " " + window + (add ? " added" : ""), small, bench -> products(bench, size, window, add)));
        }
    }

    private static void products(KernelBench bench, Size size, Window window, boolean add) {
        ConvProblem problem = new ConvProblem(
                bench,
                Math.max(size.xs, size.ws),
                size.batch,
                size.height,
                size.width,
                size.channels,
                size.outputs,
                size.groups,
                window);
        problem.forward(size.xs, size.ws, add);
        problem.input(size.xs, size.ws, add);
        problem.weight(size.xs, size.ws, add);
    }
}
