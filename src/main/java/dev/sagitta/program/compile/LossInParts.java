package dev.sagitta.program.compile;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.loss.LossByRows;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.shape.Slice;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.function.Function;

/**
 * The last ops and the loss together, for some rows at a time: each part runs the tail's own passes on its rows of the trunk's output, and gradients of the
 * tail's parameters add up over the parts. What the parts need of all rows is copied out of them, as what they give is copied back; neither is wider than the
 * trunk's output.
 *
 * <pre>
 * gradient     per part: forward, loss, backward                                  cotangent of the trunk's output
 * Hv, Gv       per part: forward | tangent, loss, backward | tangentBackward      its tangents as well
 * v'Hv         per part: forward, loss, backward; later forward, loss once more, tangent | curvature
 * </pre>
 */
final class LossInParts implements Ending {
    private static final String EMITTER = "loss";

    private final Flow trunk;
    private final Schedule schedule;
    private final Tail tail;
    private final WholeLoss.Results results;
    private final Wire output;
    private final Wire input;
    private final long rows;
    private final long width;
    private Value shared;

    /** @param results of all rows */
    LossInParts(Flow trunk, Tail tail, WholeLoss.Results results) {
        this.trunk = trunk;
        this.schedule = trunk.schedule;
        this.tail = tail;
        this.results = results;
        this.output = trunk.graph.output();
        this.input = tail.rows().input().out();
        this.width = output.shape().extent(-1);
        this.rows = trunk.options.batch() * output.shape().elements() / width;
    }

    /** The tail's passes over some rows. */
    private final class Part {
        private final long begin;
        private final long count;
        private final Flow flow;
        private final Passes passes;
        private final WholeLoss ending;
        private final Value loss;
        private final Value metrics;

        Part(long begin) {
            this.begin = begin;
            this.count = Math.min(tail.part(), rows - begin);
            this.flow = trunk.ofRows(tail.rows(), Math.toIntExact(count), trunk.trained.at(output.node()));
            this.passes = new Passes(flow);
            this.loss = schedule.value("loss.part", DType.F32, Shape.of(1), MemoryCategory.WORKSPACE);
            this.metrics = schedule.value("metrics.part", DType.F32, Shape.of(3), MemoryCategory.WORKSPACE);
            Value target = taken(results.target(), 1).view(count);
            this.ending = new WholeLoss(flow, passes, new WholeLoss.Results(target, shared, () -> loss, () -> metrics));
            flow.values.put(input, taken(trunk.values.get(output), 1).view(count, width));
            Value tangent = trunk.tangents.get(output);
            if (tangent != null) {
                flow.tangents.put(input, taken(tangent, trunk.options.probes()));
            }
        }

        /** The part's rows of each copy: [copies, count, ...]. */
        private Value taken(Value whole, long copies) {
            long inner = whole.elements() / copies / rows;
            String name = whole.name() + ".part";
            Value from = whole.view(copies, rows, inner);
            Value part = schedule.value(name, whole.dtype(), Shape.of(copies, count, inner), whole.category());
            schedule.emit(name, values(whole), values(part), t -> Slice.take(t.tensor(from), begin, t.tensor(part)));
            return part;
        }

        /** Copies what came back to the part's rows to where the trunk reads it; nothing where nobody wants it. */
        private void give(Flow.Contributions from, Value whole, long copies) {
            if (whole == null) {
                return;
            }
            Value part = from.sum(input).view(copies, count, width);
            Value into = whole.view(copies, rows, width);
            schedule.emitter(EMITTER, value -> false);
            schedule.emit(
                    whole.name() + ".part",
                    values(part),
                    values(whole),
                    t -> Slice.put(t.tensor(part), begin, t.tensor(into)));
        }
    }

    /**
     * Runs the parts one after another.
     *
     * @param total where the sum of the numbers goes that they give; null for a new value
     * @return the sum; null where they give none
     */
    private Value each(Value total, Function<Part, Value> run) {
        schedule.emitter(EMITTER, value -> false);
        if (shared == null) {
            LossByRows loss = (LossByRows) tail.rows().loss();
            shared = loss.shared(schedule, results.target(), Math.toIntExact(tail.part()), trunk.options.probes());
        }
        Value sum = null;
        for (long begin = 0; begin < rows; begin += tail.part()) {
            schedule.emitter(EMITTER, value -> false);
            Value number = run.apply(new Part(begin));
            schedule.emitter(EMITTER, value -> false);
            if (number == null || sum == null) {
                sum = number;
            } else {
                boolean last = begin + tail.part() >= rows && total != null;
                Value into =
                        last ? total : schedule.value("loss.sum", DType.F32, number.shape(), MemoryCategory.WORKSPACE);
                sum = Sums.add(schedule, "loss.sum", sum, number, into);
            }
        }
        return sum;
    }

    /** Where the cotangent of the trunk's output is put together, or its tangents; null where nobody wants it. */
    private Value whole(boolean tangents) {
        if (!trunk.trained.at(output.node())) {
            return null;
        }
        Value whole = schedule.value(
                output.name() + (tangents ? ".cotangent.tangent" : ".cotangent"),
                DType.F32,
                trunk.shape(output, tangents),
                tangents ? MemoryCategory.TANGENTS : MemoryCategory.WORKSPACE);
        (tangents ? trunk.cotangentTangents : trunk.cotangents).send(output, whole);
        return whole;
    }

    @Override
    public void gradient() {
        Value cotangent = whole(false);
        each(results.loss().get(), part -> {
            part.passes.forward(false);
            part.ending.gradient();
            part.passes.backward(true, false);
            part.give(part.flow.cotangents, cotangent, 1);
            return part.loss;
        });
    }

    @Override
    public void hessianVector() {
        Value cotangent = whole(false);
        Value tangents = whole(true);
        each(results.loss().get(), part -> {
            part.passes.forward(true);
            part.ending.hessianVector();
            part.passes.backward(true, true);
            part.give(part.flow.cotangents, cotangent, 1);
            part.give(part.flow.cotangentTangents, tangents, trunk.options.probes());
            return part.loss;
        });
    }

    @Override
    public void gaussNewtonVector() {
        Value tangents = whole(true);
        each(null, part -> {
            part.passes.forward(true);
            part.ending.gaussNewtonVector();
            part.passes.backward(false, true);
            part.give(part.flow.cotangentTangents, tangents, trunk.options.probes());
            return null;
        });
    }

    @Override
    public Value quadratic(boolean cotangents) {
        return each(null, part -> {
            part.passes.forward(!cotangents);
            Value curvature = null;
            if (cotangents) {
                part.ending.gradient();
                part.passes.cotangents();
                curvature = part.passes.curvature();
            }
            return Passes.plus(part.flow, curvature, part.ending.quadratic(cotangents));
        });
    }

    @Override
    public void metrics() {
        each(results.metrics().get(), part -> {
            part.passes.forward(false);
            part.ending.metrics();
            return part.metrics;
        });
    }
}
