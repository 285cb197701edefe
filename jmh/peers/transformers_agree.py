"""Networks that Hugging Face's transformers makes and writes, against what it computes of them: python3 transformers_agree.py SAGITTA OUT.json

SAGITTA is the launcher, ./sagitta. Each network has random weights and goes through files both ways: save_pretrained, `import`, `eval`, `hvp` along a random
vector, `generate`, `export`, from_pretrained. PyTorch computes in fp64 and with explicit attention, so the differences are our fp32's. Products return to
transformers' names by `export` too: they are written as if they were weights. Needs torch, transformers, safetensors; no network."""

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

VOCABULARY, ROWS, LENGTH, PROMPT, TOKENS = 97, 5, 24, 6, 12
LLAMA = dict(vocab_size=VOCABULARY, hidden_size=64, intermediate_size=112, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128)
GPT2 = dict(vocab_size=VOCABULARY, n_positions=64, n_embd=48, n_layer=2, n_head=3)
BERT = dict(vocab_size=VOCABULARY, hidden_size=48, num_hidden_layers=2, num_attention_heads=3, intermediate_size=96, max_position_embeddings=40)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64, rope_theta=500000.0)
# name: class, its configuration, and how it is saved
NETWORKS = {
    "GPT-2": ("GPT2LMHeadModel", GPT2, {}),
    "GPT-2, ReLU, 80 hidden": ("GPT2LMHeadModel", dict(GPT2, activation_function="relu", n_inner=80), {}),
    "Llama": ("LlamaForCausalLM", LLAMA, {}),
    "Llama, tied, in shards": ("LlamaForCausalLM", dict(LLAMA, tie_word_embeddings=True), dict(max_shard_size="100KB")),
    "Llama, linear scaling": ("LlamaForCausalLM", dict(LLAMA, rope_parameters=dict(rope_type="linear", factor=4.0, rope_theta=10000.0)), {}),
    "Llama, llama3 scaling": ("LlamaForCausalLM", dict(LLAMA, rope_parameters=LLAMA3), {}),
    "Llama, biases": ("LlamaForCausalLM", dict(LLAMA, attention_bias=True, mlp_bias=True), {}),
    "Llama, heads of 32": ("LlamaForCausalLM", dict(LLAMA, head_dim=32), {}),
    "Mistral": ("MistralForCausalLM", dict(LLAMA, sliding_window=None), {}),
    "Mistral, window 7": ("MistralForCausalLM", dict(LLAMA, sliding_window=7), {}),
    "Qwen2": ("Qwen2ForCausalLM", LLAMA, {}),
    "Qwen2, tied": ("Qwen2ForCausalLM", dict(LLAMA, tie_word_embeddings=True), {}),
    "Qwen2, window 7": ("Qwen2ForCausalLM", dict(LLAMA, use_sliding_window=True, sliding_window=7, max_window_layers=0), {}),
    "BERT, masked tokens": ("BertForMaskedLM", BERT, {}),
    "BERT, classes": ("BertForSequenceClassification", dict(BERT, num_labels=3), {}),
    "BERT, bare": ("BertModel", BERT, {}),
}


class Examples:
    """Ids, lengths and types of BERT's rows, and the targets of each class, as arrays and as files."""

    def __init__(self, folder):
        draw = np.random.default_rng(0)
        # not 0: PyTorch leaves the gradient of BERT's padding token out
        self.ids = draw.integers(1, VOCABULARY, (ROWS, LENGTH))
        self.lengths = np.array([LENGTH, LENGTH, 20, 13, LENGTH])
        self.types = np.repeat((np.arange(LENGTH) >= 10)[None], ROWS, 0).astype(np.int64)
        masked = np.where(draw.random((ROWS, LENGTH)) < 0.3, draw.integers(0, VOCABULARY, (ROWS, LENGTH)), -100)
        targets = {"BertForMaskedLM": masked, "BertForSequenceClassification": draw.integers(0, 3, ROWS), "BertModel": np.zeros((ROWS, LENGTH, 48), np.float32)}
        self.targets = targets
        self.files = {}
        for name, array in {"ids": self.ids, "lengths": self.lengths, "types": self.types, **targets}.items():
            self.files[name] = os.path.join(folder, name + ".npy")
            np.save(self.files[name], array if array.dtype == np.float32 else array.astype(np.int32))

    def options(self, kind):
        words = ["--inputs", self.files["ids"]]
        if kind in self.targets:
            words += ["--lengths", self.files["lengths"], "--types", self.files["types"], "--targets", self.files[kind]]
        return words

    def loss(self, model, kind):
        ids = torch.tensor(self.ids)
        if kind not in self.targets:
            return model(input_ids=ids, labels=ids).loss
        mask = torch.arange(LENGTH)[None] < torch.tensor(self.lengths)[:, None]
        given = dict(input_ids=ids, attention_mask=mask.long(), token_type_ids=torch.tensor(self.types))
        if kind == "BertModel":
            return (model(**given).last_hidden_state ** 2).mean()
        return model(**given, labels=torch.tensor(self.targets[kind])).loss


def fill(model, seed, deviation):
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw) * deviation)
    return model.eval()


def sagitta(*words):
    run = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit("%s\n%s" % (" ".join(map(str, words)), run.stderr))
    return run.stdout


def worst(ours, theirs):
    """Largest distance of a tensor, in its norm; of one below a thousandth of the whole, in a thousandth of that."""
    whole = float(np.sqrt(sum((t**2).sum() for t in theirs.values())))
    far = [np.linalg.norm(ours[n].astype(np.float64) - t) / max(np.linalg.norm(t), 1e-3 * whole) for n, t in theirs.items() if n in ours]
    left = [n for n, t in theirs.items() if n not in ours and np.abs(t).max() > 0]
    if left:
        raise SystemExit("no such tensors came back: %s" % left)
    return float(max(far))


def compare(launcher, folder, name, kind, given, saving, examples):
    def path(word):
        return os.path.join(folder, "".join(c for c in name if c.isalnum()) + "-" + word)

    make = getattr(transformers, kind)
    config = getattr(transformers, make.config_class.__name__)(**given)
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    model = fill(make(config), 1, 0.15)
    model.save_pretrained(path("model"), **saving)
    vector = make(config)
    vector.load_state_dict(model.state_dict())
    fill(vector, 2, 0.2).save_pretrained(path("vector"))
    exact = make.from_pretrained(path("model"), attn_implementation="eager", dtype=torch.float64).eval()
    names, parameters = zip(*exact.named_parameters())
    along = dict(vector.named_parameters())
    loss = examples.loss(exact, kind)
    gradient = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
    slope = sum((g * along[n].double()).sum() for n, g in zip(names, gradient) if g is not None)
    product = torch.autograd.grad(slope, parameters, allow_unused=True)

    def theirs(tensors):
        return {n: t.detach().numpy() for n, t in zip(names, tensors) if t is not None}

    for word in ("model", "vector"):
        sagitta(launcher, "import", path(word), "--out", path(word + ".safetensors"), "--context", LENGTH)
    with safe_open(path("model.safetensors"), "np") as file:
        metadata = file.metadata()
    trained = set(load_file(path("model.safetensors")))
    # what only import and export carry on is no parameter
    save_file({n: t for n, t in load_file(path("vector.safetensors")).items() if n in trained and not n.startswith("huggingface.")}, path("v"))
    options = ["--checkpoint", path("model.safetensors"), *examples.options(kind)]
    sagitta(launcher, "hvp", *options, "--vector", path("v"), "--out", path("hv"), "--gradient", path("gradient"))
    found = {"loss": abs(json.loads(sagitta(launcher, "eval", *options, "--json"))["loss"] - loss.item()) / loss.item()}
    for word, tensors in (("gradient", gradient), ("hv", product)):
        beside = {n: t for n, t in load_file(path("model.safetensors")).items() if n.startswith("huggingface.")}
        save_file({**load_file(path(word)), **beside}, path(word + ".safetensors"), metadata)
        sagitta(launcher, "export", "--checkpoint", path(word + ".safetensors"), "--out", path(word + "-out"))
        found[word] = worst(load_file(os.path.join(path(word + "-out"), "model.safetensors")), theirs(tensors))
    sagitta(launcher, "export", "--checkpoint", path("model.safetensors"), "--out", path("back"))
    again, said = make.from_pretrained(path("back"), output_loading_info=True, dtype=torch.float32)
    before = model.state_dict()
    found["same weights"] = not any(said.values()) and all(torch.equal(t, before[n]) for n, t in again.state_dict().items())
    if kind not in examples.targets:
        prompt = examples.ids[:1, :PROMPT]
        text = model.generate(torch.tensor(prompt), max_new_tokens=TOKENS, do_sample=False, eos_token_id=None, pad_token_id=0)[0, PROMPT:].tolist()
        ids = sagitta(launcher, "generate", "--checkpoint", path("model"), "--prompt-ids", ",".join(map(str, prompt[0])), "--tokens", TOKENS)
        found["same tokens"] = [int(word) for word in ids.replace(",", " ").split()][-TOKENS:] == text
    return found


def main():
    launcher, out = sys.argv[1:]
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        examples = Examples(folder)
        for name, (kind, given, saving) in NETWORKS.items():
            results[name] = compare(launcher, folder, name, kind, given, saving, examples)
            print("%-24s" % name, results[name], flush=True)
    about = dict(
        date=datetime.date.today().isoformat(), machine=platform.machine(), transformers=transformers.__version__, torch=torch.__version__,
        differences="loss: relative; gradient, hv: of the worst tensor, relative to its norm", networks=results)
    with open(out, "w") as file:
        json.dump(about, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
