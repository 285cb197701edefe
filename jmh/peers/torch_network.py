"""PyTorch on the network of NetworkRatio: MLP 784-512-512-10, GELU (erf), softmax cross-entropy, batch 256, fp32.

Times the gradient, one Hessian-vector product, eight of them at once, v'Hv, and a training step with AdamW, each in PyTorch's best setting that
works: eager, a captured CUDA graph, torch.compile (minutes of compiling: --no-compile leaves it out). Our own run uses fp32 without TF32, so TF32
is off; --tf32 turns it on.

    python3 torch_network.py --out FILE.json [--rounds 11] [--tf32] [--no-compile]
"""

import argparse

from peer import Report, cuda_graph, medians

BATCH, SIZES, PROBES = 256, (784, 512, 512, 10), 8


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", required=True)
    arguments.add_argument("--rounds", type=int, default=11)
    arguments.add_argument("--tf32", action="store_true")
    arguments.add_argument("--no-compile", action="store_true")
    options = arguments.parse_args()

    import torch
    import torch.nn.functional as F
    from torch.func import functional_call, grad, jvp, vmap

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = options.tf32
    torch.manual_seed(5)
    report = Report(options.out, "torch " + torch.__version__, torch.cuda.get_device_name() if device == "cuda" else "cpu", tf32=options.tf32)

    layers = []
    for i, (fan_in, fan_out) in enumerate(zip(SIZES, SIZES[1:])):
        layers += [torch.nn.Linear(fan_in, fan_out)] + ([torch.nn.GELU()] if i < len(SIZES) - 2 else [])
    model = torch.nn.Sequential(*layers).to(device)
    parameters = {name: p.detach().clone() for name, p in model.named_parameters()}
    inputs = torch.randn(BATCH, SIZES[0], device=device)
    labels = torch.randint(SIZES[-1], (BATCH,), device=device)
    probes = {name: torch.randint(2, (PROBES, *p.shape), device=device).float() * 2 - 1 for name, p in parameters.items()}
    first = {name: v[0] for name, v in probes.items()}

    def loss(p):
        return F.cross_entropy(functional_call(model, p, (inputs,)), labels)

    gradient = grad(loss)

    def hv(p, v):
        return jvp(gradient, (p,), (v,))[1]

    def hv8(p, vs):
        return vmap(lambda v: hv(p, v))(vs)

    def quadratic8(p, vs):
        # forward over forward: no backward pass at all
        def one(v):
            return jvp(lambda q: jvp(loss, (q,), (v,))[1], (p,), (v,))[1]

        return vmap(one)(vs)

    # the double backward that PyHessian and curvlinops use, with the graph of the gradient kept
    leaves = {name: p.clone().requires_grad_() for name, p in parameters.items()}
    kept = torch.autograd.grad(loss(leaves), list(leaves.values()), create_graph=True)

    def another_hv():
        return torch.autograd.grad(kept, list(leaves.values()), grad_outputs=[first[name] for name in leaves], retain_graph=True)

    work = {
        "gradient": lambda: gradient(parameters),
        "hv": lambda: hv(parameters, first),
        "hv8": lambda: hv8(parameters, probes),
        "vhv8": lambda: quadratic8(parameters, probes),
        "hv on the kept graph (double backward)": another_hv,
    }
    report.medians(medians(work, device, options.rounds), setting="eager")

    if device == "cuda":
        for name, call in work.items():
            try:
                # one at a time: a capture that is refused must not cost the others
                report.medians(medians({name: cuda_graph(call)}, device, options.rounds), setting="CUDA graph")
            except RuntimeError as problem:
                report.note(f"no CUDA graph of {name}: {str(problem)[:200]}")

    on_gpu = device == "cuda"
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=on_gpu, capturable=on_gpu)

    def step():
        optimizer.zero_grad(set_to_none=False)
        F.cross_entropy(model(inputs), labels).backward()
        optimizer.step()

    report.medians(medians({"training step": step}, device, options.rounds), setting="eager, fused AdamW" if on_gpu else "eager")
    if on_gpu:
        report.medians(medians({"training step": cuda_graph(step)}, device, options.rounds), setting="CUDA graph, fused AdamW")

    for name, call in [] if options.no_compile else list(work.items())[:4]:
        try:
            fast = torch.compile(call, mode="max-autotune-no-cudagraphs" if device == "cpu" else "reduce-overhead")
            for _ in range(3):
                fast()
            report.medians(medians({name: fast}, device, options.rounds), setting="torch.compile")
        except Exception as problem:  # what the compiler refuses is part of the result
            report.note(f"torch.compile refuses {name}: {type(problem).__name__}: {str(problem)[:200]}")


if __name__ == "__main__":
    main()
