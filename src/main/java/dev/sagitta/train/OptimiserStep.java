package dev.sagitta.train;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.optimiser.Optimiser;
import dev.sagitta.kernel.optimiser.OptimiserSettings;
import dev.sagitta.program.ParameterArena;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/** The optimiser of a run on its device: states, settings, and one fused kernel over the arenas. */
final class OptimiserStep implements AutoCloseable {
    private final Device device;
    private final Stream stream;
    private final ParameterLayout layout;
    private final List<ParameterArena> states = new ArrayList<>();
    private final List<Buffer> owned = new ArrayList<>();
    private final ByteBuffer settingsHost =
            ByteBuffer.allocateDirect(OptimiserSettings.LENGTH * Float.BYTES).order(ByteOrder.nativeOrder());
    private final FloatBuffer settingsFloats = settingsHost.asFloatBuffer();
    private final float[] settingsValues;
    private final Tensor settings;
    private final Step update;
    private OptimiserOptions options;
    private long bytes;

    OptimiserStep(
            ParameterLayout layout,
            Device device,
            OptimiserOptions options,
            ParameterArena parameters,
            ParameterArena gradients) {
        this.device = device;
        this.stream = device.stream();
        this.layout = layout;
        this.options = options;
        this.settingsValues = options.settings(1);
        try {
            for (String state : options.states()) {
                states.add(new ParameterArena(layout, device, MemoryCategory.OPTIMIZER, Checkpoint.OPTIMIZER + state));
            }
            this.settings = tensor("optimiser settings", DType.F32, OptimiserSettings.LENGTH);
            this.update = kernel(parameters.flat(), gradients.flat()).prepare(device);
        } catch (RuntimeException | Error e) {
            closeMemory();
            throw e;
        }
    }

    private Optimiser.Update kernel(Tensor parameters, Tensor gradients) {
        List<Tensor> flat = states.stream().map(ParameterArena::flat).toList();
        Optimiser.Update kernel = options.type().update(parameters, gradients, flat, decayMask(), settings);
        return options.clips()
                ? kernel.clipped(
                        tensor("clip workspace", DType.U8, Optimiser.WORKSPACE_BYTES), tensor("norm", DType.F32, 2))
                : kernel;
    }

    /** Matrices are decayed, biases are not. */
    private Tensor decayMask() {
        int blocks = Math.toIntExact(Optimiser.decayBlocks(layout.length()));
        ByteBuffer mask = ByteBuffer.allocateDirect(blocks).order(ByteOrder.nativeOrder());
        for (Parameter parameter : layout.parameters()) {
            int from = (int) (layout.offset(parameter) / Optimiser.DECAY_BLOCK);
            int count = (int) Optimiser.decayBlocks(parameter.elements());
            for (int i = 0; i < count; i++) {
                mask.put(from + i, (byte) (parameter.isDecayed() ? 1 : 0));
            }
        }
        Tensor tensor = tensor("decay mask", DType.U8, blocks);
        tensor.upload(stream, mask);
        return tensor;
    }

    private Tensor tensor(String name, DType dtype, long elements) {
        Buffer buffer = device.allocate(elements * dtype.bytes(), MemoryCategory.OPTIMIZER, name);
        owned.add(buffer);
        bytes += Device.allocationBytes(buffer.bytes());
        return new Tensor(name, buffer, dtype, Shape.of(elements));
    }

    /** Hands the settings of a step to the device; before the step's gradient, so that the copy does not wait for it. */
    void settings(long step) {
        options.settings(step, settingsValues);
        settingsFloats.put(0, settingsValues);
        settings.upload(stream, settingsHost.clear());
    }

    /** Changes the parameters by their gradients. */
    void enqueue() {
        update.enqueue(stream);
    }

    /** Another learning rate from a step on. */
    void rate(double rate, long step) {
        options = options.rate(rate);
        float[] all = options.settings(step);
        System.arraycopy(all, 0, settingsValues, 0, all.length);
    }

    double rate() {
        return options.rate();
    }

    /**
     * Takes the states that a checkpoint holds.
     *
     * @throws dev.sagitta.io.file.DataException if it has none of this optimiser
     */
    void restore(Checkpoint checkpoint) {
        for (int i = 0; i < states.size(); i++) {
            String state = options.states().get(i);
            states.get(i)
                    .parts()
                    .forEach((parameter, part) -> part.upload(
                            stream,
                            TrainingSnapshot.state(checkpoint, state, parameter, part.shape(), options.type())
                                    .toF32()
                                    .bytes()));
        }
    }

    /** Copies of the states, named as checkpoints name them. */
    List<HostTensor> download() {
        List<HostTensor> tensors = new ArrayList<>();
        for (int i = 0; i < states.size(); i++) {
            String prefix = Checkpoint.OPTIMIZER + options.states().get(i) + ".";
            tensors.addAll(Weights.download(stream, states.get(i).parts(), prefix));
        }
        return tensors;
    }

    /** Of states and all else. */
    long bytes() {
        return bytes + states.stream().mapToLong(ParameterArena::bytes).sum();
    }

    @Override
    public void close() {
        update.close();
        closeMemory();
    }

    private void closeMemory() {
        owned.forEach(Buffer::close);
        states.forEach(ParameterArena::close);
    }
}
