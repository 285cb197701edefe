"""JAX on the network of NetworkRatio: gradient, Hessian-vector products (forward over reverse, jitted, eight by vmap) and v'Hv.

    python3 jax_network.py --out FILE.json [--rounds 11]
"""

import argparse
import os
import statistics
import sys
import time

from peer import Report

BATCH, SIZES, PROBES = 256, (784, 512, 512, 10), 8


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", required=True)
    arguments.add_argument("--rounds", type=int, default=11)
    options = arguments.parse_args()
    # left to itself JAX takes three quarters of the device's memory at once
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        print("no JAX on this machine: left out", file=sys.stderr)
        return

    jax.config.update("jax_default_matmul_precision", "highest")
    report = Report(options.out, "jax " + jax.__version__, str(jax.devices()[0]))
    keys = iter(jax.random.split(jax.random.PRNGKey(5), 64))
    parameters = []
    for fan_in, fan_out in zip(SIZES, SIZES[1:]):
        parameters.append((jax.random.normal(next(keys), (fan_in, fan_out)) / fan_in**0.5, jnp.zeros(fan_out)))
    inputs = jax.random.normal(next(keys), (BATCH, SIZES[0]))
    labels = jax.random.randint(next(keys), (BATCH,), 0, SIZES[-1])
    probes = jax.tree.map(lambda p: jax.random.rademacher(next(keys), (PROBES, *p.shape)).astype(p.dtype), parameters)
    first = jax.tree.map(lambda v: v[0], probes)

    def loss(p):
        h = inputs
        for i, (w, b) in enumerate(p):
            h = h @ w + b
            h = jax.nn.gelu(h, approximate=False) if i < len(p) - 1 else h
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(h), labels[:, None], 1))

    gradient = jax.grad(loss)

    def hv(p, v):
        return jax.jvp(gradient, (p,), (v,))[1]

    def vhv(p, v):
        return jax.jvp(lambda q: jax.jvp(loss, (q,), (v,))[1], (p,), (v,))[1]

    work = {
        "gradient": (jax.jit(gradient), (parameters,)),
        "hv": (jax.jit(hv), (parameters, first)),
        "hv8": (jax.jit(jax.vmap(hv, (None, 0))), (parameters, probes)),
        "vhv8": (jax.jit(jax.vmap(vhv, (None, 0))), (parameters, probes)),
    }
    count = 20
    for name, (call, values) in work.items():
        jax.block_until_ready(call(*values))
        times = []
        for _ in range(options.rounds):
            start = time.perf_counter()
            for _ in range(count):
                result = call(*values)
            jax.block_until_ready(result)
            times.append((time.perf_counter() - start) / count)
        report.medians({name: (statistics.median(times), times)}, setting="jit")


if __name__ == "__main__":
    main()
