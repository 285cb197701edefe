"""W4 products by PyTorch's own kernel (torch._weight_int4pack_mm: tinygemm, bf16 activations, groups of 64), N = K = 4096, and the dense bf16
product for comparison. Sixteen (CPU) or forty-eight (GPU) matrices take turns, so that weights come from memory.

    python3 torch_int4.py --out FILE.json [--rounds 11]
"""

import argparse

from peer import Report, cuda_graph, medians

N = K = 4096
GROUP, INNER_TILES = 64, 8
ROWS = (1, 4, 16, 64, 512)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", required=True)
    arguments.add_argument("--rounds", type=int, default=11)
    options = arguments.parse_args()

    import torch

    cuda = torch.cuda.is_available()
    device = "cuda" if cuda else "cpu"
    report = Report(options.out, "torch " + torch.__version__, torch.cuda.get_device_name() if cuda else "cpu", group=GROUP)
    matrices = 48 if cuda else 16
    codes = [torch.randint(256, (N, K // 2), dtype=torch.uint8, device=device) for _ in range(matrices)]
    scales = torch.randn(K // GROUP, N, 2, dtype=torch.bfloat16, device=device) * 0.02
    try:
        if cuda:
            packed = [torch._convert_weight_to_int4pack(code, INNER_TILES) for code in codes]
            multiply = torch._weight_int4pack_mm
        else:
            wide = [torch.stack((code & 15, code >> 4), dim=-1).reshape(N, K).int() for code in codes]
            packed = [torch._convert_weight_to_int4pack_for_cpu(code, 1) for code in wide]
            multiply = torch._weight_int4pack_mm_for_cpu
    except (AttributeError, RuntimeError) as problem:
        report.note(f"no int4 product in this PyTorch: {type(problem).__name__}: {str(problem)[:200]}")
        packed = []
    dense = [torch.randn(N, K, dtype=torch.bfloat16, device=device) for _ in range(8)]

    def rotating(call, weights):
        """One product per call on a CPU. On a GPU a graph of one product per matrix, so that launches do not hide the kernel."""
        if cuda:
            return cuda_graph(lambda: [call(weight) for weight in weights])
        turn = [0]

        def run():
            turn[0] = (turn[0] + 1) % len(weights)
            return call(weights[turn[0]])

        return run

    def time(key, m, call, weights, moved):
        per_call = len(weights) if cuda else 1
        (median, rounds), = medians({key: rotating(call, weights)}, device, options.rounds).values()
        times = {key: (median / per_call, [t / per_call for t in rounds])}
        report.medians(times, setting="graph" if cuda else "eager", flops={key: 2 * m * N * K}, bytes={key: moved})

    for m in ROWS:
        x = torch.randn(m, K, dtype=torch.bfloat16, device=device)
        if packed:
            moved = N * K // 2 + 4 * N * K // GROUP + 2 * m * (N + K)
            time(f"w4 m{m}", m, lambda w, x=x: multiply(x, w, GROUP, scales), packed, moved)
        time(f"dense bf16 m{m}", m, lambda w, x=x: x @ w.T, dense, 2 * N * K + 2 * m * (N + K))


if __name__ == "__main__":
    main()
