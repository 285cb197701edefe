"""What the peers' scripts share: interleaved timing, and the file of results. Not a peer itself: run alone it says so and writes nothing."""

import datetime
import json
import os
import platform
import statistics
import sys
import time


class Report:
    """Rows of results. The file is written again after each row, so that a run that is stopped keeps what it has measured."""

    def __init__(self, path, peer, device, **facts):
        self.path = path
        self.content = {
            "environment": {
                "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
                "command": "python3 " + " ".join(os.path.basename(word) for word in sys.argv),
                "peer": peer,
                "device": device,
                "python": platform.python_version(),
                **facts,
            },
            "results": [],
            "notes": [],
        }

    def note(self, text):
        print(text, file=sys.stderr, flush=True)
        self.content["notes"].append(text)
        self.write()

    def medians(self, times, setting, flops=None, bytes=None):
        for name, (median, rounds) in times.items():
            row = {"name": name, "setting": setting, "micros": 1e6 * median, "rawMicros": [1e6 * t for t in rounds]}
            if flops and name in flops:
                row["gflops"] = 1e-9 * flops[name] / median
            if bytes and name in bytes:
                row["gigabytesPerSecond"] = 1e-9 * bytes[name] / median
            self.content["results"].append(row)
            print(f"{name:45} {setting:20} {1e6 * median:12.1f} us", file=sys.stderr, flush=True)
        self.write()

    def write(self):
        with open(self.path + ".new", "w") as file:
            json.dump(self.content, file, indent=1)
            file.write("\n")
        os.replace(self.path + ".new", self.path)


def medians(work, device, rounds, least_seconds=0.05):
    """Seconds per call of each entry, the entries taking turns: {name: (median, all rounds)}."""
    import torch

    wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def seconds(call, count):
        wait()
        start = time.perf_counter()
        for _ in range(count):
            call()
        wait()
        return (time.perf_counter() - start) / count

    counts = {}
    for name, call in work.items():
        seconds(call, 2)
        counts[name] = max(3, min(2000, round(least_seconds / max(1e-7, seconds(call, 3)))))
    times = {name: [] for name in work}
    for _ in range(rounds):
        for name, call in work.items():
            times[name].append(seconds(call, counts[name]))
    return {name: (statistics.median(values), values) for name, values in times.items()}


def cuda_graph(call):
    """The call as a replay of its captured graph, which leaves out what Python and PyTorch cost per kernel."""
    import torch

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


if __name__ == "__main__":
    print("peer.py is what the other scripts share: nothing to time", file=sys.stderr)
