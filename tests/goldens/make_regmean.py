"""Writes regmean/: second models beside encoders/{bert,xlm-roberta}, texts, and merges by regmean, computed in float64 by torch.

    python tests/goldens/make_regmean.py     (needs transformers 5)

Gram matrices are those of the inputs that forward hooks see at every linear layer of the encoder's layers, one text at a time. With
merged activations (arXiv:2508.03121) a model's layer stands behind the merged embeddings and the merged layers in front of it."""

import copy
import json
import random
import shutil
from pathlib import Path

import torch
import transformers as tf
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
OUT = HERE / "regmean"
WORDS = "the cat sat on mat a spaces around words 고양이 고양이가 매트 위에 앉았다 query passage c m s t , ! : .".split()
ALPHA = {"own": 0.9, "merged": 0.7}
WEIGHTS = [1.0, 0.5]


def texts(seed, words):
    source = random.Random(seed)
    return [" ".join(source.choices(words, k=source.randint(1, 14))) for _ in range(40)]


def tuned(name, seed):
    """A model near the golden one, with its tokenizer and settings."""
    target = OUT / f"{name}-tuned"
    shutil.copytree(HERE / "encoders" / name, target, dirs_exist_ok=True)
    (target / "expected.safetensors").unlink()
    torch.manual_seed(seed)
    tensors = load_file(target / "model.safetensors")
    save_file(
        {key: (x + 0.3 * x.std(correction=0) * torch.randn_like(x)).contiguous() for key, x in tensors.items()},
        target / "model.safetensors", metadata={"format": "pt"},
    )
    return target


def linears(model):
    return {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear) and ".layer." in name}


def grams(model, tokenizer, lines, wanted):
    """For each linear layer whose name is wanted the Gram matrix of its inputs, divided by the number of tokens."""
    sums, hooks = {}, []
    def add(name):
        def hook(module, inputs):
            x = inputs[0].detach().reshape(-1, inputs[0].shape[-1])
            sums[name] = sums.get(name, 0) + x.T @ x
        return hook
    for name, module in linears(model).items():
        if wanted(name):
            hooks.append(module.register_forward_pre_hook(add(name)))
    tokens = 0
    for line in lines:
        encoded = tokenizer(line, return_tensors="pt", padding=False, truncation=False)
        tokens += encoded["input_ids"].numel()
        with torch.no_grad():
            model(**encoded)
    for hook in hooks:
        hook.remove()
    return {name: gram / tokens for name, gram in sums.items()}


def reduced(gram, alpha):
    return alpha * gram + (1 - alpha) * torch.diag(torch.diag(gram))


def fit(matrices, of_models, alpha):
    terms = [weight * reduced(gram, alpha) for weight, gram in zip(WEIGHTS, of_models)]
    return sum(matrix @ term for matrix, term in zip(matrices, terms)) @ torch.linalg.inv(sum(terms))


def mean(models):
    merged = copy.deepcopy(models[0])
    states = [model.state_dict() for model in models]
    average = {
        key: sum(w * state[key] for w, state in zip(WEIGHTS, states)) / sum(WEIGHTS) if x.is_floating_point() else x
        for key, x in states[0].items()
    }
    merged.load_state_dict(average)
    return merged


def put(model, name, weight):
    linears(model)[name].weight.data = weight


def merge(models, tokenizer, lines, follows):
    merged, alpha = mean(models), ALPHA["merged" if follows else "own"]
    fitted = lambda name, found: fit([linears(m)[name].weight.data for m in models], [g[name] for g in found], alpha)
    if not follows:
        found = [grams(model, tokenizer, texts, lambda name: True) for model, texts in zip(models, lines)]
        for name in linears(merged):
            put(merged, name, fitted(name, found))
        return merged
    for depth in range(len(merged.encoder.layer)):
        found = []
        for model, texts in zip(models, lines):
            hybrid = copy.deepcopy(merged)
            hybrid.encoder.layer[depth] = copy.deepcopy(model.encoder.layer[depth])
            found.append(grams(hybrid, tokenizer, texts, lambda name: f".layer.{depth}." in f".{name}."))
        for name in found[0]:
            put(merged, name, fitted(name, found))
    return merged


def main():
    OUT.mkdir(exist_ok=True)
    lines = [texts(1, WORDS[:9] + WORDS[14:]), texts(2, WORDS[9:])]
    (OUT / "one.txt").write_text("".join(f"{line}\n" for line in lines[0]))
    (OUT / "two.jsonl").write_text("".join(json.dumps({"text": line}, ensure_ascii=False) + "\n" for line in lines[1]))
    for seed, name in enumerate(["bert", "xlm-roberta"]):
        folders = [HERE / "encoders" / name, tuned(name, seed)]
        models = [tf.AutoModel.from_pretrained(folder).double().eval() for folder in folders]
        tokenizer = tf.AutoTokenizer.from_pretrained(folders[0])
        stored = load_file(folders[0] / "model.safetensors")
        for kind in ["own", "merged"]:
            state = merge(models, tokenizer, lines, kind == "merged").state_dict()
            save_file({key: state[key].contiguous() for key in stored}, OUT / f"{name}-{kind}.safetensors")


main()
