"""PyTorch and JAX on the convolutional networks of NetworkRatio, batch 64 of 3 x 32 x 32, fp32, cross-entropy.

convnet    convolutions of 3 x 3 to 32, 64 and 128 channels, each with ReLU and a maximum over 2 x 2, and a linear layer
resnet20   the residual network of width 16 with batch statistics (He et al., "Deep residual learning for image recognition", 2015), 1 x 1
           convolutions where the width changes

Times the gradient, a Hessian-vector product on a kept graph (double backward), eight at once by torch.func (forward over reverse under
vmap), v'Hv for eight, and with --jax the same by jax.jit and jax.vmap.

    python3 torch_convolution.py --out FILE.json [--rounds 5] [--threads N] [--jax] [--only convnet|resnet20]
"""

import argparse
import math
import time

from peer import Report, medians

BATCH, PROBES, CLASSES = 64, 8, 10


def convnet_shapes():
    shapes, channels = {}, 3
    for i, out in enumerate((32, 64, 128)):
        shapes[f"conv{i}.w"], shapes[f"conv{i}.b"] = (out, channels, 3, 3), (out,)
        channels = out
    shapes["fc.w"], shapes["fc.b"] = (CLASSES, 128 * 16), (CLASSES,)
    return shapes


def blocks():
    """Name, input channels, output channels, stride of each residual block."""
    width = 16
    for stage, out in enumerate((16, 32, 64)):
        for block in range(3):
            yield f"{stage}.{block}", width, out, 2 if stage > 0 and block == 0 else 1
            width = out


def resnet_shapes():
    shapes = {"conv.w": (16, 3, 3, 3)}

    def norm(name, channels):
        shapes[name + ".w"], shapes[name + ".b"] = (channels,), (channels,)

    norm("bn", 16)
    for name, width, out, stride in blocks():
        shapes[name + ".conv1.w"], shapes[name + ".conv2.w"] = (out, width, 3, 3), (out, out, 3, 3)
        norm(name + ".bn1", out)
        norm(name + ".bn2", out)
        if stride != 1:
            shapes[name + ".down.w"] = (out, width, 1, 1)
            norm(name + ".down.bn", out)
    shapes["fc.w"], shapes["fc.b"] = (CLASSES, 64), (CLASSES,)
    return shapes


def initial(shape, name, normal):
    if len(shape) > 1:
        return normal(shape) * math.sqrt(2 / math.prod(shape[1:]))
    return normal(shape) * 0 + (1 if name.endswith("bn.w") or ".bn" in name and name.endswith(".w") else 0)


def torch_losses(torch, x, y):
    import torch.nn.functional as F

    def convnet(p):
        a = x
        for i in range(3):
            a = F.max_pool2d(F.relu(F.conv2d(a, p[f"conv{i}.w"], p[f"conv{i}.b"], padding=1)), 2)
        return F.cross_entropy(F.linear(a.flatten(1), p["fc.w"], p["fc.b"]), y)

    def resnet20(p):
        def norm(name, a):
            return F.batch_norm(a, None, None, p[name + ".w"], p[name + ".b"], training=True)

        a = F.relu(norm("bn", F.conv2d(x, p["conv.w"], padding=1)))
        for name, _, _, stride in blocks():
            b = F.relu(norm(name + ".bn1", F.conv2d(a, p[name + ".conv1.w"], stride=stride, padding=1)))
            b = norm(name + ".bn2", F.conv2d(b, p[name + ".conv2.w"], padding=1))
            a = norm(name + ".down.bn", F.conv2d(a, p[name + ".down.w"], stride=stride)) if stride != 1 else a
            a = F.relu(a + b)
        return F.cross_entropy(F.linear(a.mean((2, 3)), p["fc.w"], p["fc.b"]), y)

    return {"convnet": (convnet_shapes(), convnet), "resnet20": (resnet_shapes(), resnet20)}


def run_torch(options, report):
    import torch
    from torch.func import grad, jvp, vmap

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(5)
    x = torch.randn(BATCH, 3, 32, 32, device=device)
    y = torch.randint(CLASSES, (BATCH,), device=device)
    for network, (shapes, loss) in torch_losses(torch, x, y).items():
        if options.only not in (None, network):
            continue
        parameters = {n: initial(s, n, lambda shape: torch.randn(shape, device=device)) for n, s in shapes.items()}
        probes = {n: torch.randint(2, (PROBES, *p.shape), device=device).float() * 2 - 1 for n, p in parameters.items()}
        leaves = {n: p.clone().requires_grad_() for n, p in parameters.items()}
        values = list(leaves.values())
        kept = torch.autograd.grad(loss(leaves), values, create_graph=True)
        work = {
            network + " gradient": lambda: torch.autograd.grad(loss(leaves), values),
            network + " hv on the kept graph (double backward)": lambda: torch.autograd.grad(
                kept, values, [probes[n][0] for n in leaves], retain_graph=True
            ),
            network + " hv8": lambda: vmap(lambda v: jvp(grad(loss), (parameters,), (v,))[1])(probes),
            network + " vhv8": lambda: vmap(lambda v: jvp(lambda q: jvp(loss, (q,), (v,))[1], (parameters,), (v,))[1])(probes),
        }
        if device == "cpu":
            # eight at once, once: minutes under vmap
            work.pop(network + " vhv8")
        report.medians(medians(work, device, options.rounds), setting="eager")


def run_jax(options, report):
    import jax
    import jax.numpy as jnp
    from jax import lax

    key = jax.random.key(5)

    def conv(a, w, stride=1, padding=1):
        return lax.conv_general_dilated(a, w, (stride, stride), ((padding, padding),) * 2, dimension_numbers=("NCHW", "OIHW", "NCHW"))

    x = jax.random.normal(key, (BATCH, 3, 32, 32))
    y = jax.random.randint(key, (BATCH,), 0, CLASSES)

    def entropy(logits):
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1))

    def convnet(p):
        a = x
        for i in range(3):
            a = jax.nn.relu(conv(a, p[f"conv{i}.w"]) + p[f"conv{i}.b"][:, None, None])
            a = lax.reduce_window(a, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        return entropy(a.reshape(BATCH, -1) @ p["fc.w"].T + p["fc.b"])

    def resnet20(p):
        def norm(name, a):
            mean = a.mean((0, 2, 3), keepdims=True)
            variance = ((a - mean) ** 2).mean((0, 2, 3), keepdims=True)
            return (a - mean) * lax.rsqrt(variance + 1e-5) * p[name + ".w"][:, None, None] + p[name + ".b"][:, None, None]

        a = jax.nn.relu(norm("bn", conv(x, p["conv.w"])))
        for name, _, _, stride in blocks():
            b = jax.nn.relu(norm(name + ".bn1", conv(a, p[name + ".conv1.w"], stride)))
            b = norm(name + ".bn2", conv(b, p[name + ".conv2.w"]))
            a = norm(name + ".down.bn", conv(a, p[name + ".down.w"], stride, 0)) if stride != 1 else a
            a = jax.nn.relu(a + b)
        return entropy(a.mean((2, 3)) @ p["fc.w"].T + p["fc.b"])

    for network, shapes, loss in (("convnet", convnet_shapes(), convnet), ("resnet20", resnet_shapes(), resnet20)):
        if options.only not in (None, network):
            continue
        parameters = {n: initial(s, n, lambda shape: jax.random.normal(key, shape)) for n, s in shapes.items()}
        probes = {n: jnp.sign(jax.random.normal(key, (PROBES, *p.shape))) for n, p in parameters.items()}
        product = lambda v: jax.jvp(jax.grad(loss), (parameters,), (v,))[1]
        work = {
            network + " gradient": jax.jit(lambda _: jax.grad(loss)(parameters)),
            network + " hv8": jax.jit(jax.vmap(product)),
        }
        times = {}
        for name, call in work.items():
            rounds = []
            for i in range(options.rounds + 1):
                start = time.perf_counter()
                jax.block_until_ready(call(probes))
                rounds.append(time.perf_counter() - start)
            times[name] = (sorted(rounds[1:])[len(rounds[1:]) // 2], rounds[1:])
        report.medians(times, setting="jit")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", required=True)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--threads", type=int)
    arguments.add_argument("--jax", action="store_true")
    arguments.add_argument("--only", choices=["convnet", "resnet20"])
    options = arguments.parse_args()

    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    report = Report(options.out, "torch " + torch.__version__, device, threads=torch.get_num_threads())
    run_torch(options, report)
    if options.jax:
        run_jax(options, report)


if __name__ == "__main__":
    main()
