package dev.sagitta.bench;

import dev.sagitta.fixture.Networks;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.kernel.Function;

/** The networks of MEASURE's figures. */
enum TimedNetwork {
    /** 784-512-512-10 with GELU and softmax cross-entropy. */
    MLP(256) {
        @Override
        Graph graph() {
            return Networks.mlp(Function.GELU, 784, 512, 10);
        }
    },
    /** Width 128, 4 pre-norm layers of 4 heads, 128 positions, vocabulary 128, tied output; jmh/peers/torch_language_model.py is the same. */
    LANGUAGE_MODEL(8) {
        @Override
        Graph graph() {
            return ModelSpec.parse("""
                    {"input": {"shape": [128], "type": "ids"}, "loss": "cross_entropy", "layers": [
                      {"type": "embedding", "name": "embed", "rows": 128, "width": 128}, {"type": "position", "name": "position"},
                      {"repeat": 4, "as": "{i}", "layers": [
                        {"type": "layer_norm", "name": "n1"}, {"type": "linear", "name": "qkv", "out": 384},
                        {"type": "attention", "name": "attend", "heads": 4, "causal": true}, {"type": "linear", "name": "proj", "out": 128},
                        {"type": "add", "name": "mixed", "from": ["{in}", "proj"]},
                        {"type": "layer_norm", "name": "n2"}, {"type": "linear", "name": "up", "out": 512}, {"type": "gelu_tanh", "name": "act"},
                        {"type": "linear", "name": "down", "out": 128}, {"type": "add", "name": "out", "from": "mixed"}]},
                      {"type": "layer_norm", "name": "norm"}, {"type": "linear", "name": "head", "tied": "embed.weight"}]}
                    """, "language model").toGraph();
        }
    };

    private final int batch;

    TimedNetwork(int batch) {
        this.batch = batch;
    }

    int batch() {
        return batch;
    }

    abstract Graph graph();
}
