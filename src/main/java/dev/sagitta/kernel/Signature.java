package dev.sagitta.kernel;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * An entry and its arguments, declared once in the kernel's order and under the kernel's names: what is passed, what is checked and how
 * many bytes must move follow from it. Each declaration checks at once, so that what comes after it may read the tensor: a required tensor
 * must be there, every tensor open, of its dtype and of its shape.
 *
 * <pre>
 * Signature s = Signature.of("embedding_gather_f32").in("table", table, F32).rank(3, "[tables, rows, width]");
 * long k = table.shape().extent(0), v = table.shape().extent(1), d = table.shape().extent(2), n = ids.elements();
 * return s.in("ids", ids, I32).out("y", y, F32, k, n, d).i64("n", n).i64("v", v).i64("d", d).i64("probes", k);
 * </pre>
 *
 * <p>All of them throw an IllegalArgumentException that names kernel, tensor, value, expectation and remedy.
 */
public final class Signature {
    /** What a kernel does with an argument. */
    public enum Role {
        IN,
        OUT,
        IN_OUT,
        /** Memory whose contents nobody else reads; no part of {@link #bytes()}. */
        WORKSPACE,
        /** The same where only its size matters. */
        SCRATCH,
        SCALAR
    }

    /**
     * @param dtype what the kernel's text calls the type, or what its pointer points to
     * @param value a {@link Tensor}, null for a null pointer, or an Integer, a Long, a Float
     * @param optional whether the kernel takes a null pointer
     * @param passed false where another launch of the same preparation takes it
     * @param free whether nothing fixes its extents: see {@link #free}
     */
    public record Argument(
            String name, Role role, DType dtype, Object value, boolean optional, boolean passed, boolean free) {
        private Buffer buffer() {
            return value == null ? null : ((Tensor) value).buffer();
        }

        private Argument as(DType otherDtype, boolean optionalNow, boolean passedNow, boolean freeNow) {
            return new Argument(name, role, otherDtype, value, optionalNow, passedNow, freeNow);
        }
    }

    private final String entry;
    private final Checks checks;
    private final List<Argument> arguments = new ArrayList<>();
    private long bytes = -1;

    private Signature(String entry) {
        this.entry = entry;
        this.checks = new Checks(entry);
    }

    /** @param entry point of the kernel file, dtype suffix included */
    public static Signature of(String entry) {
        return new Signature(entry);
    }

    public Signature in(String name, Tensor tensor, DType dtype, long... shape) {
        return in(name, tensor, dtype).shape(shape);
    }

    /** Of any shape, as the following do; see {@link #elements}, {@link #rank} and {@link #require}. */
    public Signature in(String name, Tensor tensor, DType dtype) {
        return tensor(name, tensor, Role.IN, dtype, false);
    }

    /** The kernel takes a null pointer instead. */
    public Signature inOrNull(String name, Tensor tensor, DType dtype) {
        return tensor(name, tensor, Role.IN, dtype, true);
    }

    public Signature out(String name, Tensor tensor, DType dtype, long... shape) {
        return out(name, tensor, dtype).shape(shape);
    }

    public Signature out(String name, Tensor tensor, DType dtype) {
        return tensor(name, tensor, Role.OUT, dtype, false);
    }

    public Signature outOrNull(String name, Tensor tensor, DType dtype) {
        return tensor(name, tensor, Role.OUT, dtype, true);
    }

    /** Read and written. */
    public Signature inOut(String name, Tensor tensor, DType dtype, long... shape) {
        return inOut(name, tensor, dtype).shape(shape);
    }

    public Signature inOut(String name, Tensor tensor, DType dtype) {
        return tensor(name, tensor, Role.IN_OUT, dtype, false);
    }

    public Signature inOutOrNull(String name, Tensor tensor, DType dtype) {
        return tensor(name, tensor, Role.IN_OUT, dtype, true);
    }

    /** Scratch memory of this dtype. */
    public Signature workspace(String name, Tensor tensor, DType dtype, long... shape) {
        return tensor(name, tensor, Role.WORKSPACE, dtype, false).shape(shape);
    }

    /** Scratch memory of at least so many bytes, whatever its tensor's dtype; the kernel sees it as {@code dtype}. */
    public Signature scratch(String name, Tensor tensor, DType dtype, long least) {
        present(name, tensor);
        checks.open(tensor);
        checks.require(
                tensor.bytes() >= least,
                tensor + " has " + tensor.bytes() + " bytes, expected at least " + least
                        + "; ask workspaceBytes for the size");
        arguments.add(new Argument(name, Role.SCRATCH, dtype, tensor, false, true, false));
        return this;
    }

    /** A null pointer where {@code tensor} is null, else {@link #scratch}. */
    public Signature scratchOrNull(String name, Tensor tensor, DType dtype, long least) {
        if (tensor != null) {
            scratch(name, tensor, dtype, least);
            return replaceLast(last().as(dtype, true, true, false));
        }
        arguments.add(new Argument(name, Role.SCRATCH, dtype, null, true, true, false));
        return this;
    }

    /** The last tensor is taken by another launch of the same preparation: checked and counted here, not passed. */
    public Signature ofAnotherLaunch() {
        Argument last = last();
        return replaceLast(last.as(last.dtype(), last.optional(), false, last.free()));
    }

    /** The last tensor may have any extents, which those of others follow: the suite expects every other one to be refused with one more. */
    public Signature free() {
        Argument last = last();
        return replaceLast(last.as(last.dtype(), last.optional(), last.passed(), true));
    }

    /** The last tensor's memory is passed as a pointer to {@code dtype}, for kernels that move bits. */
    public Signature seenAs(DType dtype) {
        Argument last = last();
        return replaceLast(last.as(dtype, last.optional(), last.passed(), last.free()));
    }

    /** For a tensor that is declared further on, and whose extents are needed before. */
    public Signature present(String name, Tensor tensor) {
        return require(tensor != null, name + " is missing, expected a tensor");
    }

    /** What the other declarations of tensors come to. */
    public Signature tensor(String name, Tensor tensor, Role role, DType dtype, boolean optional) {
        if (tensor != null) {
            checks.open(tensor).dtype(tensor, dtype);
        } else if (!optional) {
            present(name, null);
        }
        arguments.add(new Argument(name, role, dtype, tensor, optional, true, false));
        return this;
    }

    private Argument last() {
        return arguments.get(arguments.size() - 1);
    }

    private Signature replaceLast(Argument argument) {
        arguments.set(arguments.size() - 1, argument);
        return this;
    }

    private Signature shape(long... expected) {
        checks.shape((Tensor) last().value(), expected);
        return this;
    }

    /** The last tensor, if there is one, has so many elements in any shape. */
    public Signature elements(long expected) {
        if (last().value() != null) {
            checks.elements((Tensor) last().value(), expected);
        }
        return this;
    }

    /** The last tensor, if there is one, is exactly of this shape. */
    public Signature exactly(long... expected) {
        return last().value() == null ? this : shape(expected);
    }

    /** The last tensor has so many axes: those of {@code layout}, which the error names. */
    public Signature rank(int axes, String layout) {
        Tensor tensor = (Tensor) last().value();
        return require(tensor.shape().rank() == axes, tensor + " must be " + layout + "; reshape it");
    }

    /** Kernels that count the last tensor's elements with 32 bits. */
    public Signature fitsInt() {
        checks.fitsInt((Tensor) last().value());
        return this;
    }

    /** @param problem what is wrong, and the remedy */
    public Signature require(boolean condition, String problem) {
        checks.require(condition, problem);
        return this;
    }

    public Signature i32(String name, int value) {
        return scalar(name, DType.I32, value);
    }

    /** @param value 0 to 2^32 - 1 */
    public Signature u32(String name, long value) {
        return scalar(name, DType.U32, value);
    }

    public Signature i64(String name, long value) {
        return scalar(name, DType.I64, value);
    }

    public Signature f32(String name, float value) {
        return scalar(name, DType.F32, value);
    }

    private Signature scalar(String name, DType dtype, Object value) {
        arguments.add(new Argument(name, Role.SCALAR, dtype, value, false, true, false));
        return this;
    }

    /** Where a kernel must move another number of bytes than {@link #bytes()} derives: a gather reads rows, not the table. */
    public Signature bytes(long least) {
        bytes = least;
        return this;
    }

    public String entry() {
        return entry;
    }

    /** All that were declared, in order, those that are not passed as well. */
    public List<Argument> arguments() {
        return Collections.unmodifiableList(arguments);
    }

    /** The fewest bytes that must move: each input read once, each output written once. */
    public long bytes() {
        if (bytes >= 0) {
            return bytes;
        }
        long sum = 0;
        for (Argument argument : arguments) {
            if (argument.value() instanceof Tensor tensor
                    && argument.role() != Role.WORKSPACE
                    && argument.role() != Role.SCRATCH) {
                sum += (argument.role() == Role.IN_OUT ? 2 : 1) * tensor.bytes();
            }
        }
        return sum;
    }

    /** Every tensor lives on {@code device}. */
    public Signature on(Device device) {
        for (Argument argument : arguments) {
            if (argument.value() instanceof Tensor tensor) {
                checks.on(device, tensor);
            }
        }
        return this;
    }

    /** What a launch of the entry takes. */
    public Arguments values() {
        Arguments values = new Arguments();
        for (Argument argument : arguments) {
            if (!argument.passed()) {
                continue;
            }
            if (argument.role() != Role.SCALAR) {
                values.buffer(argument.buffer());
            } else {
                switch (argument.dtype()) {
                    case I32 -> values.i32((Integer) argument.value());
                    case U32 -> values.u32((Long) argument.value());
                    case I64 -> values.i64((Long) argument.value());
                    default -> values.f32((Float) argument.value());
                }
            }
        }
        return values;
    }
}
