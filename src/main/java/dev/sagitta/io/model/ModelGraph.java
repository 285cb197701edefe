package dev.sagitta.io.model;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.op.OpTypes;
import dev.sagitta.io.file.DataException;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** From a model's layers to its graph. */
final class ModelGraph {
    /** Elements of a tensor: beyond any memory, and small enough that sums of sizes cannot overflow. */
    private static final long LARGEST = 1L << 40;

    private final ModelSpec model;
    private final GraphBuilder builder;
    private final Map<String, Node> byName = new HashMap<>();
    private final Map<String, Parameter> parameters = new HashMap<>();

    private ModelGraph(ModelSpec model) {
        this.model = model;
        long[] extents = model.inputShape().toArray();
        this.builder = model.inputType() == DType.I32 ? GraphBuilder.ids(extents) : GraphBuilder.features(extents);
        byName.put("input", builder.input());
        model.inputs().forEach((name, type) -> byName.put(name, builder.input(name, type)));
    }

    static Graph of(ModelSpec model) {
        return new ModelGraph(model).build();
    }

    private Graph build() {
        Node last = builder.input();
        for (int i = 0; i < model.layers().size(); i++) {
            LayerSpec layer = model.layers().get(i);
            String where = "layers[" + i + "] (" + layer.type().name() + " '" + layer.name() + "'): ";
            List<Wire> inputs = inputs(layer, last, where);
            requireReadable(layer, inputs, where);
            try {
                last = layer.type().make().apply(new LayerMaking(layer, inputs, where));
            } catch (IllegalArgumentException e) {
                throw new DataException(where + e.getMessage(), e);
            }
            if (last.shape().elements() > LARGEST) {
                throw new DataException(where + "its output " + last.shape() + " has more than 2^40 elements");
            }
            byName.put(layer.name(), last);
        }
        if (last.isInput()) {
            throw new DataException("the model has no layers");
        }
        try {
            Graph graph = builder.build(last, model.loss().make());
            for (Parameter parameter : graph.everyParameter()) {
                if (parameter.elements() > LARGEST) {
                    throw new DataException("parameter '" + parameter.name() + "' " + parameter.shape()
                            + " has more than 2^40 elements");
                }
            }
            return graph;
        } catch (IllegalArgumentException e) {
            throw new DataException("loss '" + model.loss() + "' over output " + last + ": " + e.getMessage(), e);
        }
    }

    /** What a layer reads: the layers it names, behind the one before it where it names none, or one less than it must. */
    private List<Wire> inputs(LayerSpec layer, Node last, String where) {
        List<Wire> inputs = new ArrayList<>();
        if (layer.from().isEmpty() || layer.from().size() < layer.type().least()) {
            inputs.add(last.out());
        }
        for (String name : layer.from()) {
            inputs.add(wire(name, where));
        }
        return inputs;
    }

    private Wire wire(String name, String where) {
        Node node = byName.get(name);
        if (node != null) {
            return node.out();
        }
        int dot = name.lastIndexOf('.');
        Node several = dot < 0 ? null : byName.get(name.substring(0, dot));
        String output = name.substring(dot + 1);
        if (several == null || !output.matches("[0-9]{1,4}")) {
            throw new DataException(where + "there is no earlier layer '" + name + "'");
        }
        try {
            return several.out(Integer.parseInt(output));
        } catch (IllegalArgumentException e) {
            throw new DataException(where + e.getMessage(), e);
        }
    }

    private static void requireReadable(LayerSpec layer, List<Wire> inputs, String where) {
        for (int i = 0; i < inputs.size(); i++) {
            if (inputs.get(i).dtype() == DType.I32 && !layer.type().ids().contains(i)) {
                List<String> readers = OpTypes.standard().all().stream()
                        .filter(type -> type.ids().contains(0))
                        .map(OpType::name)
                        .toList();
                throw new DataException(where + "it reads the network's ids, which only an "
                        + String.join(" or an ", readers) + " can");
            }
        }
    }

    /** What one layer is made from. */
    private final class LayerMaking implements OpType.Making {
        private final LayerSpec layer;
        private final List<Wire> inputs;
        private final String where;

        LayerMaking(LayerSpec layer, List<Wire> inputs, String where) {
            this.layer = layer;
            this.inputs = inputs;
            this.where = where;
        }

        @Override
        public String name() {
            return layer.name();
        }

        @Override
        public int inputs() {
            return inputs.size();
        }

        @Override
        public ArrayType input(int i) {
            return inputs.get(i).type();
        }

        @Override
        public boolean has(Field<?> field) {
            return layer.fields().containsKey(field.name());
        }

        @Override
        @SuppressWarnings("unchecked")
        public <V> V get(Field<V> field) {
            Object value = layer.get(field);
            boolean byCharacters = value == null && field.kind() == Field.Kind.EXTENT;
            if (byCharacters
                    || value instanceof String name
                            && field.kind() == Field.Kind.EXTENT
                            && name.equals(Field.VOCABULARY)) {
                Vocabulary vocabulary = model.vocabulary();
                if (vocabulary == null) {
                    throw new DataException(
                            where + "its size is that of a vocabulary, and there is no text; give --text");
                }
                return (V) (Long) (long) vocabulary.size();
            }
            return (V) value;
        }

        @Override
        public Parameter matrix(String role, Shape shape, Parameter.Init init) {
            return own(Parameter.matrix(name() + "." + role, shape, init));
        }

        @Override
        public Parameter weight(String role, Shape shape, Parameter.Init init) {
            return own(Parameter.weight(name() + "." + role, shape, init));
        }

        @Override
        public Parameter vector(String role, Shape shape, Parameter.Init init) {
            return own(Parameter.vector(name() + "." + role, shape, init));
        }

        @Override
        public Parameter state(String role, Shape shape, Parameter.Init init) {
            return own(Parameter.vector(name() + "." + role, shape, init).use(Parameter.Use.STATE));
        }

        private Parameter own(Parameter parameter) {
            parameters.put(parameter.name(), builder.parameter(parameter));
            return parameter;
        }

        @Override
        public Parameter shared(String parameter) {
            Parameter shared = parameters.get(parameter);
            if (shared == null || shared.shape().rank() != 2) {
                throw new DataException(where + "there is no earlier weight '" + parameter + "' to share");
            }
            return shared;
        }

        @Override
        public Wire wire(int i) {
            return inputs.get(i);
        }

        @Override
        public Node add(Op op) {
            return builder.add(name(), op, inputs);
        }

        @Override
        public Node add(String part, Op op, Wire... wires) {
            return builder.add(name() + "." + part, op, List.of(wires));
        }
    }
}
