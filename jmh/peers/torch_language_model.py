"""PyTorch on the language model of NetworkRatio: d 128, 4 layers, 4 heads, T 128, batch 8, vocabulary 128, GELU (tanh), pre-norm, tied output, fp32.

Times the gradient (attention written out, and PyTorch's fused one, which has no second derivative), a Hessian-vector product on a kept graph
(double backward), and eight at once by torch.func (forward over reverse under vmap).

    python3 torch_language_model.py --out FILE.json [--rounds 7] [--threads N]
"""

import argparse
import math

from peer import Report, medians

WIDTH, LAYERS, HEADS, T, BATCH, VOCABULARY, PROBES = 128, 4, 4, 128, 8, 128, 8


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", required=True)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--threads", type=int)
    options = arguments.parse_args()

    import torch
    import torch.nn.functional as F
    from torch.func import grad, jvp, vmap

    if options.threads:
        torch.set_num_threads(options.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(5)
    report = Report(options.out, "torch " + torch.__version__, torch.cuda.get_device_name() if device == "cuda" else "cpu", threads=torch.get_num_threads())

    def normal(*shape):
        return torch.randn(*shape, device=device) / math.sqrt(shape[-1])

    parameters = {"embed": normal(VOCABULARY, WIDTH), "position": normal(T, WIDTH), "last.w": torch.ones(WIDTH, device=device), "last.b": torch.zeros(WIDTH, device=device)}
    for i in range(LAYERS):
        for name, out, fan_in in (("qkv", 3 * WIDTH, WIDTH), ("proj", WIDTH, WIDTH), ("up", 4 * WIDTH, WIDTH), ("down", WIDTH, 4 * WIDTH)):
            parameters[f"{i}.{name}.w"], parameters[f"{i}.{name}.b"] = normal(out, fan_in), torch.zeros(out, device=device)
        for name in ("n1", "n2"):
            parameters[f"{i}.{name}.w"], parameters[f"{i}.{name}.b"] = torch.ones(WIDTH, device=device), torch.zeros(WIDTH, device=device)
    ids = torch.randint(VOCABULARY, (BATCH, T), device=device)
    targets = torch.randint(VOCABULARY, (BATCH, T), device=device)
    mask = torch.full((T, T), float("-inf"), device=device).triu(1)

    def attend(q, k, v, fused):
        if fused:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS) + mask, -1) @ v

    def loss(p, fused=False):
        x = p["embed"][ids] + p["position"]
        for i in range(LAYERS):
            def linear(name, a):
                return F.linear(a, p[f"{i}.{name}.w"], p[f"{i}.{name}.b"])

            def norm(name, a):
                return F.layer_norm(a, (WIDTH,), p[f"{i}.{name}.w"], p[f"{i}.{name}.b"])

            q, k, v = (a.reshape(BATCH, T, HEADS, -1).transpose(1, 2) for a in linear("qkv", norm("n1", x)).chunk(3, -1))
            x = x + linear("proj", attend(q, k, v, fused).transpose(1, 2).reshape(BATCH, T, WIDTH))
            x = x + linear("down", F.gelu(linear("up", norm("n2", x)), approximate="tanh"))
        x = F.layer_norm(x, (WIDTH,), p["last.w"], p["last.b"])
        return F.cross_entropy((x @ p["embed"].T).reshape(-1, VOCABULARY), targets.reshape(-1))

    probes = {name: torch.randint(2, (PROBES, *p.shape), device=device).float() * 2 - 1 for name, p in parameters.items()}
    leaves = {name: p.clone().requires_grad_() for name, p in parameters.items()}
    values = list(leaves.values())
    kept = torch.autograd.grad(loss(leaves), values, create_graph=True)

    work = {
        "gradient": lambda: torch.autograd.grad(loss(leaves), values),
        "gradient, fused attention": lambda: torch.autograd.grad(loss(leaves, True), values),
        "hv on the kept graph (double backward)": lambda: torch.autograd.grad(kept, values, [probes[n][0] for n in leaves], retain_graph=True),
        "hv8": lambda: vmap(lambda v: jvp(grad(loss), (parameters,), (v,))[1])(probes),
        "vhv8": lambda: vmap(lambda v: jvp(lambda q: jvp(loss, (q,), (v,))[1], (parameters,), (v,))[1])(probes),
    }
    report.medians(medians(work, device, options.rounds), setting="eager")


if __name__ == "__main__":
    main()
