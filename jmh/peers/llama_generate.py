"""Tokens per second of llama.cpp at temperature 0, for DecodeSpeed beside it: python3 llama_generate.py LIBRARIES OUT.json TOKENS ROUNDS THREADS MODEL.gguf VARIANT...

LIBRARIES is the folder of npm's @node-llama-cpp/linux-x64@3.21.1 (libllama, libggml-cpu-VARIANT: x64, haswell, skylakex, sapphirerapids ...), called
through ctypes; numpy chooses the ids. Each variant in a process of its own; float32 cache, no flash attention. Its threads wait for
each other by spinning: where another process wants a core, more threads than free cores make it a thousand times slower."""

import ctypes
import datetime
import glob
import json
import os
import platform
import struct
import subprocess
import sys
import time

import numpy as np

FIRST = 1
WARM_UP = 1
KEY_TYPE = 4 * 22 + 2 * 8  # 22 four-byte fields and two pointers lie before the types of the key and value caches


class Opaque(ctypes.Structure):
    """A struct of parameters by value, larger than it is, which is harmless for the last argument on the stack."""

    _fields_ = [("bytes", ctypes.c_uint8 * 512)]

    def put(self, offset, value):
        data = struct.pack("<i", value)
        self.bytes[offset : offset + 4] = data


class Batch(ctypes.Structure):
    _fields_ = [("n_tokens", ctypes.c_int32)] + [(name, ctypes.c_void_p) for name in ("token", "embd", "pos", "n_seq_id", "seq_id", "logits")]


def library(folder, prefix):
    return ctypes.CDLL(sorted(glob.glob(os.path.join(folder, prefix + "*")))[0], mode=ctypes.RTLD_GLOBAL)


def measure(folder, tokens, rounds, threads, path, variant):
    base, ggml, llama = (library(folder, name) for name in ("libggml-base", "libggml.v", "libllama.v"))
    quiet = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda level, text, data: None)
    base.ggml_log_set(quiet, None)
    llama.llama_log_set(quiet, None)
    ggml.ggml_backend_load.restype = ctypes.c_void_p
    if not ggml.ggml_backend_load(os.path.join(folder, "libggml-cpu-%s.so" % variant).encode()):
        raise SystemExit("libggml-cpu-%s.so did not load" % variant)
    llama.llama_model_default_params.restype = Opaque
    llama.llama_context_default_params.restype = Opaque
    llama.llama_model_load_from_file.restype = ctypes.c_void_p
    llama.llama_model_load_from_file.argtypes = [ctypes.c_char_p, Opaque]
    llama.llama_init_from_model.restype = ctypes.c_void_p
    llama.llama_init_from_model.argtypes = [ctypes.c_void_p, Opaque]
    llama.llama_decode.argtypes = [ctypes.c_void_p, Batch]
    llama.llama_get_logits.restype = ctypes.POINTER(ctypes.c_float)
    llama.llama_get_logits.argtypes = [ctypes.c_void_p]
    llama.llama_model_get_vocab.restype = ctypes.c_void_p
    llama.llama_model_get_vocab.argtypes = [ctypes.c_void_p]
    llama.llama_vocab_n_tokens.argtypes = [ctypes.c_void_p]
    llama.llama_free.argtypes = [ctypes.c_void_p]
    model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
    if not model:
        raise SystemExit("llama.cpp did not load " + path)
    vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
    params = llama.llama_context_default_params()
    for field, value in ((0, 512), (1, 512), (2, 512), (7, threads), (8, threads), (13, 0)):
        params.put(4 * field, value)
    params.put(KEY_TYPE, 0)
    params.put(KEY_TYPE + 4, 0)
    speeds = []
    for _ in range(WARM_UP + rounds):
        context = llama.llama_init_from_model(model, params)
        token, wanted, ids = np.array([FIRST], np.int32), np.ones(1, np.int8), []
        begin = time.perf_counter()
        for _ in range(tokens):
            status = llama.llama_decode(context, Batch(1, token.ctypes.data, None, None, None, None, wanted.ctypes.data))
            if status != 0:
                raise SystemExit("llama_decode: %d" % status)
            token[0] = int(np.ctypeslib.as_array(llama.llama_get_logits(context), (vocabulary,)).argmax())
            ids.append(int(token[0]))
        speeds.append(round(tokens / (time.perf_counter() - begin)))
        llama.llama_free(context)
    rows = [{"variant": variant, "threads": threads, "tokensPerSecond": speeds[WARM_UP:], "lastIds": ids[-8:]}]
    print(json.dumps(rows))


def main():
    folder, out, tokens, rounds, threads, path = sys.argv[1:7]
    results = []
    for variant in sys.argv[7:]:
        run = subprocess.run([sys.executable, __file__, "--one", folder, tokens, rounds, threads, path, variant], capture_output=True, text=True)
        if run.returncode != 0:
            results.append({"variant": variant, "failed": run.stderr.strip().splitlines()[-1] if run.stderr.strip() else str(run.returncode)})
        else:
            results += json.loads(run.stdout)
        print(results[-1], file=sys.stderr, flush=True)
    words = [os.path.basename(word.rstrip("/")) for word in sys.argv]
    environment = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "command": "python3 " + " ".join(words),
        "peer": "llama.cpp of node-llama-cpp 3.21.1",
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }
    with open(out, "w") as file:
        json.dump({"environment": environment, "tokens": int(tokens), "results": results}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        measure(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6], sys.argv[7])
    else:
        main()
