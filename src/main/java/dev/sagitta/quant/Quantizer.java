package dev.sagitta.quant;

import dev.sagitta.curvature.estimator.Estimate;
import dev.sagitta.curvature.estimator.HutchinsonTrace;
import dev.sagitta.curvature.operator.NetworkOperator;
import dev.sagitta.device.Device;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Rows;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Gives each weight of a checkpoint its bits and packs it: measure by {@link #rounding} or {@link #omega}, choose, {@link #pack},
 * {@link Packed#write}. What is measured serves any number of plans.
 */
public final class Quantizer {
    /** Vectors per product: eight share a forward and a backward pass. */
    private static final int PROBES_PER_PASS = 8;

    private final Checkpoint checkpoint;
    private final Device device;
    private final Settings settings;
    private final List<Parameter> eligible;
    private RoundingErrors errors;

    /**
     * @param bits offered to each weight, of {2, 3, 4, 8}
     * @param group elements of a row that share a step
     * @param symmetric without centres: smaller, and less exact at few bits
     * @param probes of the trace estimate of {@link #omega}
     * @param batch examples per pass; changes memory and rounding, not the result
     * @param gaussNewton curvature of the Gauss-Newton matrix in place of the Hessian: never negative
     * @param batchStatistics whether batch norm uses those of each batch, which then changes the result
     */
    public record Settings(
            List<Integer> bits,
            int group,
            boolean symmetric,
            int probes,
            int batch,
            long seed,
            boolean gaussNewton,
            boolean batchStatistics) {
        public static final Settings DEFAULT = new Settings(List.of(2, 3, 4, 8), 64, false, 64, 256, 0, false, false);

        public Settings {
            bits = bits.stream().distinct().sorted().toList();
            if (bits.isEmpty()) {
                throw new IllegalArgumentException("quantise: no bits are offered; give some of 2, 3, 4, 8");
            }
            for (int b : bits) {
                new QuantFormat(b, group, symmetric);
            }
            if (probes < 1 || batch < 1) {
                throw new IllegalArgumentException(
                        "quantise: probes " + probes + " and batch " + batch + " must be at least 1");
            }
        }

        /** The same with these bits only. */
        public Settings bits(Integer... offered) {
            return new Settings(List.of(offered), group, symmetric, probes, batch, seed, gaussNewton, batchStatistics);
        }

        /** The same with other probes. */
        public Settings seed(long other) {
            return new Settings(bits, group, symmetric, probes, batch, other, gaussNewton, batchStatistics);
        }

        /** The same with the bits that a given plan uses, and no other: nothing is left to choose. Null changes nothing. */
        public Settings withBitsOf(QuantPlan plan) {
            if (plan == null) {
                return this;
            }
            Integer[] used = plan.formats().values().stream()
                    .map(QuantFormat::bits)
                    .distinct()
                    .toArray(Integer[]::new);
            return bits(used);
        }

        /** What a program that measures curvature is compiled for. */
        ProgramOptions program(Computation computation) {
            return ProgramOptions.of(batch, computation).batchStatistics(batchStatistics);
        }

        private QuantFormat format(int b) {
            return new QuantFormat(b, group, symmetric);
        }
    }

    /** @throws DataException if the checkpoint is packed already or has no weight that can be packed */
    public Quantizer(Checkpoint checkpoint, Device device, Settings settings) {
        this.checkpoint = checkpoint;
        this.device = device;
        this.settings = settings;
        this.eligible = QuantPlan.eligible(checkpoint.graph());
        for (Parameter parameter : checkpoint.graph().everyParameter()) {
            if (checkpoint.isPacked(parameter.name())) {
                throw new DataException(checkpoint.path() + ": parameter '" + parameter.name()
                        + "' is packed already; quantise the checkpoint that it was made from");
            }
        }
        if (eligible.isEmpty()) {
            throw new DataException(checkpoint.path() + ": the model has no weight that only linear layers read; "
                    + "there is nothing to pack (tables of embeddings stay fp32)");
        }
    }

    private Graph graph() {
        return checkpoint.graph();
    }

    private void load(Program program) {
        program.load(parameter -> checkpoint.parameter(parameter.name()).bytes());
    }

    /** Squared error and bytes of every eligible weight at the bits on offer. */
    public RoundingErrors errors() {
        if (errors == null) {
            WeightQuantizer quantizer = new WeightQuantizer(device, device.stream());
            List<RoundingErrors.Weight> weights = new ArrayList<>();
            for (Parameter parameter : eligible) {
                List<RoundingErrors.Choice> choices = new ArrayList<>();
                for (int bits : settings.bits) {
                    choices.add(choice(quantizer, parameter, bits));
                }
                weights.add(new RoundingErrors.Weight(parameter, List.copyOf(choices)));
            }
            errors = new RoundingErrors(List.copyOf(weights));
        }
        return errors;
    }

    /** Curvature along each rounding error; the loss is the mean over these rows. */
    public RoundingCurvature rounding(Rows rows) {
        return RoundingCurvature.measure(checkpoint, device, errors(), settings, rows);
    }

    /** HAWQ-V2's Omega; the loss is the mean over these rows. */
    public Omega omega(Rows rows) {
        Computation product = settings.gaussNewton ? Computation.GAUSS_NEWTON_VECTOR : Computation.HESSIAN_VECTOR;
        ProgramOptions options = settings.program(product)
                .probes(Math.min(PROBES_PER_PASS, settings.probes))
                .seed(settings.seed);
        Batches batches = new Batches(graph(), device, options, rows);
        try (NetworkOperator operator = operator(batches, product)) {
            return omega(HutchinsonTrace.joint(settings.probes).estimate(operator, settings.seed));
        }
    }

    /** The same from traces that were measured before, over the parameters of this network. */
    public Omega omega(HutchinsonTrace.Result traces) {
        Map<String, Estimate> byName = new LinkedHashMap<>();
        for (int i = 0; i < traces.parameters().size(); i++) {
            byName.put(traces.parameters().get(i).name(), traces.blocks().get(i));
        }
        return new Omega(errors(), byName);
    }

    private NetworkOperator operator(Batches batches, Computation product) {
        try {
            load(batches.program());
        } catch (RuntimeException | Error e) {
            batches.close();
            throw e;
        }
        return new NetworkOperator(batches, product);
    }

    private RoundingErrors.Choice choice(WeightQuantizer quantizer, Parameter parameter, int bits) {
        QuantFormat format = settings.format(bits);
        double error = quantizer
                .quantize(checkpoint.parameter(parameter.name()), format)
                .squaredError();
        if (!Double.isFinite(error)) {
            throw new DataException(checkpoint.path() + ": the squared error of '" + parameter.name() + "' at " + bits
                    + " bits is " + error + ": its weights are too large for fp32");
        }
        long bytes = format.bytes(parameter.shape().extent(0), parameter.shape().extent(1));
        return new RoundingErrors.Choice(format, error, bytes);
    }

    /** Bytes of the parameters that no plan touches: biases, tables of embeddings. */
    public long otherBytes() {
        long packed = eligible.stream().mapToLong(Parameter::elements).sum();
        return 4 * (graph().parameterCount() - packed);
    }

    /**
     * The plan that costs least whose codes take {@code average} bits per packed weight at most. Steps and centres are not counted: they
     * are the same at all bits.
     */
    public QuantPlan byAverageBits(Sensitivity sensitivity, double average) {
        int least = settings.bits.get(0);
        if (!(average >= least)) {
            throw new IllegalArgumentException(
                    "an average of " + average + " bits cannot be met: the fewest offered are " + least);
        }
        double enough = Math.min(average, settings.bits.get(settings.bits.size() - 1));
        BigDecimal most = BigDecimal.valueOf(enough)
                .multiply(BigDecimal.valueOf(sensitivity.errors().elements()));
        return plan(
                BitAllocation.minimise(sensitivity.table(), new BitAllocation.Limit(BitAllocation.Limit.COST, most)));
    }

    /** The plan that costs least whose checkpoint's parameters take so many bytes at most, all of them: see {@link Packed#bytes}. */
    public QuantPlan byBytes(Sensitivity sensitivity, long most) {
        long smallest = otherBytes() + sensitivity.errors().leastBytes();
        if (smallest > most) {
            throw new IllegalArgumentException("a limit of " + most + " bytes cannot be met: the smallest plan takes "
                    + smallest + ", of which " + otherBytes() + " are parameters that stay fp32");
        }
        return plan(BitAllocation.minimise(sensitivity.table(), BitAllocation.Limit.bytes(most - otherBytes())));
    }

    private QuantPlan plan(BitAllocation allocation) {
        Map<String, QuantFormat> formats = new LinkedHashMap<>();
        allocation.choice().forEach((name, option) -> formats.put(name, settings.format(option.bits())));
        return new QuantPlan(formats);
    }

    /** The same bits everywhere. */
    public QuantPlan uniform(int bits) {
        return QuantPlan.uniform(graph(), bits, settings.group, settings.symmetric);
    }

    /** Rounds and packs the weights that the plan names. */
    public Packed pack(QuantPlan plan) {
        List<PackedTensors> packed = new ArrayList<>();
        Map<String, HostTensor> plain = new LinkedHashMap<>();
        WeightQuantizer quantizer = new WeightQuantizer(device, device.stream());
        for (Parameter parameter : graph().everyParameter()) {
            HostTensor tensor = checkpoint.parameter(parameter.name());
            QuantFormat format = plan.formats().get(parameter.name());
            if (format == null) {
                plain.put(parameter.name(), tensor);
                continue;
            }
            packed.add(quantizer.quantize(tensor, format).packed());
        }
        return new Packed(checkpoint, plan, plain, packed);
    }

    /** A packed checkpoint in memory. */
    public static final class Packed {
        private final Checkpoint source;
        private final QuantPlan plan;
        private final Map<String, HostTensor> plain;
        private final List<PackedTensors> packed;

        private Packed(Checkpoint source, QuantPlan plan, Map<String, HostTensor> plain, List<PackedTensors> packed) {
            this.source = source;
            this.plan = plan;
            this.plain = plain;
            this.packed = packed;
        }

        public QuantPlan plan() {
            return plan;
        }

        /** Of all parameters: packed weights with steps and centres, the others in fp32. The file has its header besides. */
        public long bytes() {
            return packed.stream().mapToLong(PackedTensors::bytes).sum()
                    + plain.values().stream()
                            .mapToLong(tensor -> 4 * tensor.elements())
                            .sum();
        }

        /** Bits of a code, averaged over the packed weights; steps and centres are not counted. */
        public double averageBits() {
            double bits = 0;
            double count = 0;
            for (PackedTensors weight : packed) {
                bits += (double) weight.format().bits() * weight.n() * weight.k();
                count += (double) weight.n() * weight.k();
            }
            return bits / count;
        }

        /** Ready to run, as {@link StoredModel#open} of the file would be. */
        public StoredModel model(Device device) {
            return StoredModel.of(device, plan.apply(source.graph()), plain, packed);
        }

        /** Writes the checkpoint whole or not at all; the training state stays behind. */
        public void write(Path path) {
            List<HostTensor> tensors = new ArrayList<>(plain.values());
            packed.forEach(weight -> tensors.addAll(weight.tensors()));
            Map<String, String> metadata = new LinkedHashMap<>(source.derivedMetadata());
            metadata.put(Checkpoint.QUANT, plan.toJson());
            Checkpoint.write(path, source.model(), tensors, metadata);
        }
    }
}
