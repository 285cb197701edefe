"""Dense products by PyTorch (cuBLAS or MKL): fp32, TF32 and bf16, with the device's copy bandwidth measured between them.

    python3 torch_gemm.py --out FILE.json [--rounds 11]
"""

import argparse

from peer import Report, cuda_graph, medians

SIZES = {"1x1024x1024x1024": (1, 1024, 1024, 1024), "1x2048x2048x2048": (1, 2048, 2048, 2048), "16x256x512x512": (16, 256, 512, 512)}
LARGE = {"1x4096x4096x4096": (1, 4096, 4096, 4096), "1x8192x8192x8192": (1, 8192, 8192, 8192)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", required=True)
    arguments.add_argument("--rounds", type=int, default=11)
    options = arguments.parse_args()

    import torch

    cuda = torch.cuda.is_available()
    device = "cuda" if cuda else "cpu"
    report = Report(options.out, "torch " + torch.__version__, torch.cuda.get_device_name() if cuda else "cpu")
    count = (1 << 30) // 4 if cuda else 1 << 26
    source = torch.randn(count, device=device)
    target = torch.empty_like(source)
    work = {"copy": lambda: target.copy_(source)}
    flops, moved = {}, {"copy": 8 * count}
    settings = [("fp32", torch.float32, False)] + ([("tf32", torch.float32, True), ("bf16", torch.bfloat16, False)] if cuda else [])

    def product(a, b, c, tf32):
        def run():
            torch.backends.cuda.matmul.allow_tf32 = tf32
            torch.bmm(a, b, out=c)

        return run

    for name, (batch, m, n, k) in {**SIZES, **(LARGE if cuda else {})}.items():
        for setting, dtype, tf32 in settings:
            a = torch.randn(batch, m, k, device=device, dtype=dtype)
            b = torch.randn(batch, k, n, device=device, dtype=dtype)
            c = torch.empty(batch, m, n, device=device, dtype=dtype)
            key = f"gemm {name} {setting}"
            work[key] = product(a, b, c, tf32)
            flops[key] = 2 * batch * m * n * k
    if cuda:
        # in a graph as our own runs are: alone, a small product costs what its launch costs
        work = {name: cuda_graph(call) for name, call in work.items()}
    report.medians(medians(work, device, options.rounds), setting="graph" if cuda else "eager", flops=flops, bytes=moved)


if __name__ == "__main__":
    main()
