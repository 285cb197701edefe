package dev.sagitta.kernel.elementwise;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

final class BiasKernelTest extends KernelSuite {
    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        int[][] shapes = {
            {1, 1, 1},
            {2, 5, 3},
            {3, 33, 20},
            {1, 0, 7},
            {2, 17, 16},
            {1, 100, 10},
            {1, 1009, 15},
            {5, 64, 31},
            {1, 256, 512},
            {16, 32, 128},
            {1, 3, 1000},
            {2, 7, 513},
            {1, 40, 1025},
            {1, 9, 2500},
            {1, 100_003, 1},
            {1, 70_001, 10},
            {2, 40_000, 17},
            {1, 2, 100_003},
            {3, 1, 4099},
            {1, 300, 257},
            {70_000, 1, 2},
        };
        for (int[] shape : shapes) {
            String name = "[" + shape[0] + ", " + shape[1] + ", " + shape[2] + "]";
            boolean small = shape[0] * shape[1] * shape[2] <= 2000 && shape[0] > 1;
            cases.add(new KernelCase("bias " + name, small, bench -> batches(bench, shape[0], shape[1], shape[2])));
        }
        cases.add(new KernelCase("bias shared by batches", true, bench -> shared(bench, 3, 11, 21)));
        cases.add(new KernelCase("bias gradient split, small", true, bench -> {
            int rows = bench.device().kind() == dev.sagitta.device.DeviceKind.OPENCL_CPU ? 9000 : 2100;
            shared(bench, 1, rows, 4);
        }));
        return cases;
    }

    private static void batches(KernelBench bench, int batches, int rows, int cols) {
        float[] ys = bench.normal((long) batches * rows * cols);
        float[] bs = bench.normal((long) batches * cols);
        Tensor y = bench.inOut("y", ys, batches, rows, cols);
        Tensor dy = bench.input("dy", ys, batches, rows, cols);
        Tensor b = bench.input("b", bs, batches, cols);
        Tensor db = bench.output("db", DType.F32, batches, cols);
        Tensor more = bench.inOut("db accumulated", bs, batches, cols);
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                Bias.partials(bench.device(), batches, rows, cols).toArray());
        bench.run(Bias.add(y, b), Bias.gradient(dy, db, partials, false), Bias.gradient(dy, more, partials, true));
        check(bench, ys, bs, y, db, more, batches, rows, cols);
    }

    /** One bias for all batches, whose gradient is the sum over them. */
    private static void shared(KernelBench bench, int batches, int rows, int cols) {
        float[] ys = bench.normal((long) batches * rows * cols);
        float[] bs = bench.normal(cols);
        Tensor y = bench.inOut("y", ys, batches, rows, cols);
        Tensor dy = bench.input("dy", ys, batches, rows, cols);
        Tensor b = bench.input("b", bs, cols);
        Tensor db = bench.output("db", DType.F32, cols);
        Tensor more = bench.inOut("db accumulated", bs, cols);
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                Bias.partials(bench.device(), 1, (long) batches * rows, cols).toArray());
        bench.run(Bias.add(y, b), Bias.gradient(dy, db, partials, false), Bias.gradient(dy, more, partials, true));
        check(bench, ys, bs, y, db, more, 1, batches * rows, cols);
    }

    private static void check(
            KernelBench bench,
            float[] ys,
            float[] bs,
            Tensor y,
            Tensor db,
            Tensor more,
            int batches,
            int rows,
            int cols) {
        double[] added = new double[ys.length];
        double[] addedSize = new double[ys.length];
        double[] sums = new double[bs.length];
        double[] sizes = new double[bs.length];
        double[] accumulated = new double[bs.length];
        for (int i = 0; i < ys.length; i++) {
            int j = i / (rows * cols) * cols + i % cols;
            added[i] = (double) ys[i] + bs[j];
            addedSize[i] = Math.abs(ys[i]) + Math.abs(bs[j]);
            sums[j] += ys[i];
            sizes[j] += Math.abs(ys[i]);
        }
        for (int j = 0; j < bs.length; j++) {
            accumulated[j] = sums[j] + bs[j];
            sizes[j] += Math.abs(bs[j]);
        }
        Tolerance tolerance = new Tolerance(3e-7, 1e-37);
        bench.compare(y, added, addedSize, tolerance);
        bench.compare(db, sums, sizes, tolerance);
        bench.compare(more, accumulated, sizes, tolerance);
    }
}
