package example;

import static org.jocl.CL.*;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.device.Stream;
import dev.sagitta.device.opencl.OpenClDevice;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.kernel.Function;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.Random;
import org.jocl.Pointer;
import org.jocl.cl_command_queue;
import org.jocl.cl_context;
import org.jocl.cl_device_id;
import org.jocl.cl_mem;
import org.jocl.cl_platform_id;

/** A program that owns its OpenCL context, queue and weights, and asks Sagitta for loss, gradient, Hessian products and a compressed step. */
public final class Link {
    private static final int BATCH = 32;

    public static void main(String[] args) {
        // what a trainer has already: a context, a queue, and a weight in memory of its own
        cl_platform_id[] platforms = new cl_platform_id[1];
        clGetPlatformIDs(1, platforms, null);
        cl_device_id[] ids = new cl_device_id[1];
        clGetDeviceIDs(platforms[0], CL_DEVICE_TYPE_ALL, 1, ids, null);
        cl_context context = clCreateContext(null, 1, ids, null, null, null);
        cl_command_queue queue = clCreateCommandQueue(context, ids[0], CL_QUEUE_PROFILING_ENABLE, null);
        float[] initial = normal(128 * 64, 0.1f);
        cl_mem weight = clCreateBuffer(
                context, CL_MEM_COPY_HOST_PTR, (long) Float.BYTES * initial.length, Pointer.to(initial), null);

        GraphBuilder b = GraphBuilder.features(64);
        Node hidden = Layers.activation(b, "act", Layers.linear(b, "fc1", b.input(), 128), Function.GELU);
        Graph graph = b.build(Layers.linear(b, "fc2", hidden, 10), new CrossEntropy(-100));

        try (OpenClDevice device = OpenClDevice.over(context, ids[0]);
                Stream stream = device.wrap(queue, "mine")) {
            Tensor mine = new Tensor(
                    "fc1.weight", device.wrap(weight, 4L * initial.length, "fc1.weight"), DType.F32, Shape.of(128, 64));
            ProgramOptions options = ProgramOptions.of(BATCH, Computation.GRADIENT, Computation.HESSIAN_VECTOR)
                    .probes(2)
                    .bind("fc1.weight", mine);
            float exact = run(Program.compile(graph, device, stream, options));
            float compressed = run(Program.compile(
                    graph,
                    device,
                    stream,
                    options.store(ActivationPolicy.parse("4").store())));
            if (exact != compressed) { // the forward pass is exact: only what backward reads is compressed
                throw new AssertionError("loss " + compressed + " with compressed activations, " + exact + " without");
            }
        }
        clReleaseMemObject(weight);
        clReleaseCommandQueue(queue);
        clReleaseContext(context);
    }

    private static float run(Program program) {
        try (program) {
            Stream stream = program.stream();
            program.tensor("fc2.weight").upload(stream, normal(10 * 128, 0.1f));
            program.tensor("input").upload(stream, normal(BATCH * 64, 1));
            program.tensor("target")
                    .upload(stream, new Random(3).ints(BATCH, 0, 10).toArray());

            program.run(Computation.GRADIENT);
            float[] gradient = program.tensor("fc1.weight.gradient").downloadFloats(stream);

            program.tensor("fc1.weight.vector")
                    .upload(stream, normal(2 * 128 * 64, 1)); // two vectors; the other blocks are zero
            program.run(Computation.HESSIAN_VECTOR);
            float[] product = program.tensor("fc2.weight.product").downloadFloats(stream);

            System.out.printf(
                    "loss %.5f, dL/dW1[0] %.3e, (Hv)_W2[0] %.3e, saved activations %d bytes%n",
                    program.loss(), gradient[0], product[0], program.memory().savedBytes());
            return program.loss();
        }
    }

    private static float[] normal(int count, float deviation) {
        Random random = new Random(count);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian() * deviation;
        }
        return values;
    }
}
