package dev.sagitta.io.huggingface;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ParameterRole;
import dev.sagitta.program.Program;
import dev.sagitta.program.Role;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.assertj.core.data.Offset;

/** Gradient and Hessian product of a program against those of a file of {@code expected}, tensor for tensor. */
record Held(JsonNode expected, Function<String, String> theirs) {
    /** Of each tensor's norm, the issue's: fp32 against float64. */
    private static final double TOLERANCE = 1e-4;

    /** @param program compiled for gradient and Hessian products, its inputs, targets and weights there */
    void requireSame(Program program) {
        Map<String, HostTensor> vectors = new LinkedHashMap<>();
        for (Parameter parameter : program.graph().parameters()) {
            HostTensor vector = HeldData.pattern(parameter.name(), parameter.shape());
            vectors.put(parameter.name(), vector);
            program.tensor(ParameterRole.VECTOR, parameter.name()).upload(program.stream(), vector.bytes());
        }
        program.run(Computation.GRADIENT);
        double loss = program.tensor(Role.LOSS).downloadFloats(program.stream())[0];
        Map<String, float[]> gradients = download(program, ParameterRole.GRADIENT);
        program.run(Computation.HESSIAN_VECTOR);
        Map<String, float[]> products = download(program, ParameterRole.PRODUCT);
        assertThat(loss).isCloseTo(number("loss"), relative(number("loss")));
        double gradientVector = 0;
        double productVector = 0;
        int found = 0;
        for (JsonNode tensor : expected.get("tensors")) {
            String name = tensor.get("tensor").textValue();
            String ours = vectors.keySet().stream()
                    .filter(one -> theirs.apply(one).equals(name))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("no parameter is " + name));
            float[] v = vectors.get(ours).toFloats();
            gradientVector += compare(name, "gradient", tensor, gradients.get(ours), v);
            productVector += compare(name, "product", tensor, products.get(ours), v);
            found++;
        }
        assertThat(found).isEqualTo(vectors.size());
        assertThat(gradientVector).isCloseTo(number("vector_gradient"), relative(number("gradient_norm")));
        assertThat(productVector).isCloseTo(number("vector_product"), relative(number("vector_product")));
    }

    private static Map<String, float[]> download(Program program, ParameterRole role) {
        Map<String, float[]> values = new LinkedHashMap<>();
        for (Parameter parameter : program.graph().parameters()) {
            values.put(parameter.name(), program.tensor(role, parameter.name()).downloadFloats(program.stream()));
        }
        return values;
    }

    /** Norm, product with the vector, and the entries given; returns the product with the vector. */
    private double compare(String name, String what, JsonNode tensor, float[] values, float[] v) {
        double norm = tensor.get(what + "_norm").doubleValue();
        // a tensor whose gradient is rounding alone (biases of keys) is measured by the whole
        double scale = Math.max(norm, 1e-3 * number(what + "_norm"));
        assertThat(HeldData.norm(values)).as("|%s| of %s", what, name).isCloseTo(norm, relative(scale));
        JsonNode at = tensor.get("at");
        for (int i = 0; i < at.size(); i++) {
            assertThat((double) values[at.get(i).intValue()])
                    .as("%s of %s at %s", what, name, at.get(i))
                    .isCloseTo(tensor.get(what).get(i).doubleValue(), relative(scale));
        }
        double dot = HeldData.dot(values, v);
        assertThat(dot)
                .as("v with the %s of %s", what, name)
                .isCloseTo(tensor.get("vector_" + what).doubleValue(), relative(scale * HeldData.norm(v)));
        return dot;
    }

    private double number(String key) {
        return expected.get(key).doubleValue();
    }

    private static Offset<Double> relative(double scale) {
        return Offset.offset(TOLERANCE * Math.abs(scale));
    }
}
