package dev.sagitta.graph;

import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * An op's face to files and people: its name, how many layers it reads, its fields, and how one is made.
 *
 * @param name in a model's JSON
 * @param least how many wires it reads, and at most
 * @param ids inputs that may be int32: ids, lengths
 * @param check what is wrong with the fields that were given, as one sentence; null if nothing is
 * @param make adds the op to a graph, or several that it stands for
 * @param says what it computes, for the table of the documents
 */
public record OpType(
        String name,
        int least,
        int most,
        Set<Integer> ids,
        List<Field<?>> fields,
        Function<Map<String, Object>, String> check,
        Function<Making, Node> make,
        String says) {

    /** What an op is made from: what the file says, what the graph knows. */
    public interface Making {
        /** Of the layer. */
        String name();

        /** How many wires the layer reads. */
        int inputs();

        ArrayType input(int i);

        /** The value of a field, or its default; of an extent by name, what the model knows it to be. */
        <V> V get(Field<V> field);

        boolean has(Field<?> field);

        /** A new parameter {@code NAME.role}. */
        Parameter matrix(String role, Shape shape, Parameter.Init init);

        /** The same of a weight that is no matrix [out, in]: decayed, never packed. */
        Parameter weight(String role, Shape shape, Parameter.Init init);

        /** A new parameter {@code NAME.role}, neither decayed nor packed. */
        Parameter vector(String role, Shape shape, Parameter.Init init);

        /** A new parameter {@code NAME.role} that training's forward pass writes. */
        Parameter state(String role, Shape shape, Parameter.Init init);

        /** The matrix of an earlier layer: tied weights. */
        Parameter shared(String parameter);

        /** Adds a node over the layer's own inputs, under its name. */
        Node add(Op op);

        /** Adds a part of a composite, {@code NAME.part}. */
        Node add(String part, Op op, Wire... inputs);

        Wire wire(int i);
    }

    /** A type whose ops are one node. */
    public static OpType of(String name, int inputs, String says, Function<Making, Op> make, Field<?>... fields) {
        return of(name, inputs, inputs, says, make, fields);
    }

    /** The same, of a varying number of inputs. */
    public static OpType of(
            String name, int least, int most, String says, Function<Making, Op> make, Field<?>... fields) {
        return composite(name, least, most, says, m -> m.add(make.apply(m)), fields);
    }

    /** A type that stands for several ops: {@code make} adds them and returns the last. */
    public static OpType composite(
            String name, int inputs, String says, Function<Making, Node> make, Field<?>... fields) {
        return composite(name, inputs, inputs, says, make, fields);
    }

    /** The same, of a varying number of inputs. */
    public static OpType composite(
            String name, int least, int most, String says, Function<Making, Node> make, Field<?>... fields) {
        return new OpType(name, least, most, Set.of(), List.copyOf(Arrays.asList(fields)), given -> null, make, says);
    }

    /** The same with a condition on the fields that were given, by name. */
    public OpType check(Function<Map<String, Object>, String> condition) {
        return new OpType(name, least, most, ids, fields, condition, make, says);
    }

    /** The same, whose inputs at these places may be int32. */
    public OpType readsIds(Integer... inputs) {
        return new OpType(name, least, most, Set.of(inputs), fields, check, make, says);
    }

    @Override
    public String toString() {
        return name;
    }
}
