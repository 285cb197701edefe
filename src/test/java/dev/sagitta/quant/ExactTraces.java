package dev.sagitta.quant;

import dev.sagitta.data.DataSet;
import dev.sagitta.fixture.ReferenceNetwork;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.model.Checkpoint;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** Traces of the fp64 Hessian, second differences of the loss along each coordinate. */
record ExactTraces(Checkpoint checkpoint, DataSet rows) {
    private static final double STEP = 1e-4;

    Map<String, Double> byWeight() {
        Graph graph = checkpoint.graph();
        int n = rows.size();
        int inputs = (int) (n * graph.input().shape().elements());
        ByteBuffer x = ByteBuffer.allocate(4 * inputs).order(ByteOrder.nativeOrder());
        ByteBuffer y = ByteBuffer.allocate(4 * n).order(ByteOrder.nativeOrder());
        rows.batch(0, n, x, y);
        double[] features = new double[inputs];
        int[] labels = new int[n];
        for (int i = 0; i < inputs; i++) {
            features[i] = x.getFloat();
        }
        for (int i = 0; i < n; i++) {
            labels[i] = y.getInt();
        }
        ReferenceNetwork reference = new ReferenceNetwork(graph, n, features, null, labels, null);
        Map<String, double[]> parameters = new HashMap<>();
        for (Parameter parameter : graph.parameters()) {
            float[] values = checkpoint.parameter(parameter.name()).toFloats();
            double[] wide = new double[values.length];
            for (int i = 0; i < wide.length; i++) {
                wide[i] = values[i];
            }
            parameters.put(parameter.name(), wide);
        }
        double middle = reference.loss(parameters);
        Map<String, Double> traces = new LinkedHashMap<>();
        for (Parameter parameter : QuantPlan.eligible(graph)) {
            double[] values = parameters.get(parameter.name());
            double sum = 0;
            for (int i = 0; i < values.length; i++) {
                double kept = values[i];
                values[i] = kept + STEP;
                double above = reference.loss(parameters);
                values[i] = kept - STEP;
                double below = reference.loss(parameters);
                values[i] = kept;
                sum += (above - 2 * middle + below) / (STEP * STEP);
            }
            traces.put(parameter.name(), sum);
        }
        return traces;
    }
}
