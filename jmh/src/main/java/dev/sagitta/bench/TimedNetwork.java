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
    },
    /** Convolutions of 3 x 3 to 32, 64 and 128 channels over 3 x 32 x 32, each with ReLU and a maximum over 2 x 2; jmh/peers/torch_convolution.py is the same. */
    CONVNET(64) {
        @Override
        Graph graph() {
            return ModelSpec.preset("convnet").toGraph();
        }
    },
    /** Width 16, with batch statistics; the same in jmh/peers/torch_convolution.py. */
    RESNET20(64) {
        @Override
        Graph graph() {
            return ModelSpec.preset("resnet20").toGraph();
        }
    },
    /** One head of 64 over 2,048 positions. */
    ATTENTION(1) {
        @Override
        Graph graph() {
            return head("{\"type\": \"attention\", \"heads\": 1, \"from\": [\"q\", \"k\", \"v\"]}");
        }
    },
    /** The same from products and a softmax, with arrays of 2,048 x 2,048. */
    QUADRATIC(1) {
        @Override
        Graph graph() {
            return head("""
                    {"type": "matmul", "from": ["q", "k"], "transpose_b": true}, {"type": "scale", "by": 0.125},
                    {"type": "softmax", "name": "p"}, {"type": "matmul", "from": ["p", "v"]}""");
        }
    };

    private static Graph head(String attention) {
        return ModelSpec.parse("""
                {"input": {"shape": [2048, 64]}, "loss": "cross_entropy", "layers": [
                  {"type": "linear", "name": "q", "from": "input", "out": 64}, {"type": "linear", "name": "k", "from": "input", "out": 64},
                  {"type": "linear", "name": "v", "from": "input", "out": 64}, %s]}
                """.formatted(attention), "attention").toGraph();
    }

    private final int batch;

    TimedNetwork(int batch) {
        this.batch = batch;
    }

    int batch() {
        return batch;
    }

    /** Whether its gradient has jumps, as ReLU's and a maximum's: a difference of gradients then says little of the Hessian. */
    boolean hasKinks() {
        return this == CONVNET || this == RESNET20;
    }

    abstract Graph graph();
}
