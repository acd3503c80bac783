#!/usr/bin/env python3
"""Checks merges of real retrievers: sentence-transformers must give the same embeddings for admix's folder as for a merge made by hand.

    real_retrievers.py RETRIEVERS ADMIX TEXTS [TEXTS ...] [--sentences 200]

RETRIEVERS holds the sentence-transformers folders base, ko-en and ko-ko; ADMIX is the binary; the sentences are taken in equal shares from
the start of the text files, one a line. For linear, slerp and ties the script writes a recipe, runs `admix merge`, does the same merge in
torch (float32 arithmetic, rounded once to the base's dtype), puts the result in a copy of the base's folder, encodes the sentences with both, and
prints the smallest cosine. Status 1 when one is below 0.99999. Needs torch and sentence-transformers.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

LEAST = 0.99999
LINEAR = {"base": 0.3, "ko-en": 0.4, "ko-ko": 0.3}
SLERP = ("ko-en", "ko-ko", 0.4)
TIES = {"ko-en": (0.7, 0.4), "ko-ko": (0.5, 0.25)}


def recipes(root):
    """The recipes of the three merges; JSON is YAML."""
    place = {name: str(root / name) for name in LINEAR}
    first, second, t = SLERP
    return {
        "linear": {
            "merge_method": "linear",
            "models": [{"model": place[name], "parameters": {"weight": weight}} for name, weight in LINEAR.items()],
        },
        "slerp": {
            "merge_method": "slerp",
            "base_model": place[first],
            "models": [{"model": place[first]}, {"model": place[second]}],
            "parameters": {"t": t},
        },
        "ties": {
            "merge_method": "ties",
            "base_model": place["base"],
            "models": [
                {"model": place[name], "parameters": {"weight": weight, "density": density}}
                for name, (weight, density) in TIES.items()
            ],
        },
    }


def linear(tensors):
    return sum(LINEAR[name] * tensors[name] for name in LINEAR) / sum(LINEAR.values())


def slerp(tensors):
    first, second, t = SLERP
    a, b = tensors[first], tensors[second]
    norms = float(a.double().norm() * b.double().norm())
    cosine = max(-1.0, min(1.0, float(a.double().flatten() @ b.double().flatten()) / norms)) if norms else 0.0
    if abs(cosine) > 0.9995:
        return (1 - t) * a + t * b
    angle = math.acos(cosine)
    return math.sin((1 - t) * angle) / math.sin(angle) * a + math.sin(t * angle) / math.sin(angle) * b


def largest(delta, density):
    """The delta with all but its largest floor(density · n) elements set to zero; the lower index wins a tie."""
    flat = delta.flatten()
    keep = max(1, math.floor(density * flat.numel()))
    order = torch.sort(flat.abs(), descending=True, stable=True).indices[:keep]
    kept = torch.zeros_like(flat)
    kept[order] = flat[order]
    return kept.reshape(delta.shape)


def ties(tensors):
    base = tensors["base"]
    weights = [weight for weight, _ in TIES.values()]
    weighted = torch.stack(
        [weight * largest(tensors[name] - base, density) for name, (weight, density) in TIES.items()]
    )
    majority = torch.where(weighted.sum(0) >= 0, 1.0, -1.0)
    agrees = (weighted.sign() == majority).float()
    divisor = sum(weight * mask for weight, mask in zip(weights, agrees))
    divisor = torch.where(divisor == 0, 1.0, divisor)
    return base + (weighted * agrees).sum(0) / divisor


BY_HAND = {"linear": linear, "slerp": slerp, "ties": ties}


def merge_by_hand(method, models, out, root):
    """A copy of the base's folder with the merged weights; what only the base has (an integer buffer) stays."""
    shutil.copytree(root / "base", out)
    os.chmod(out, 0o755)
    weights = dict(models["base"])
    shared = set.intersection(*(set(model) for model in models.values()))
    for name in shared:
        if weights[name].is_floating_point():
            merged = BY_HAND[method]({model: tensors[name].float() for model, tensors in models.items()})
            weights[name] = merged.to(weights[name].dtype)
    missing = [name for name in weights if name not in shared and weights[name].is_floating_point()]
    assert not missing, f"only the base has {missing}"
    target = out / "model.safetensors"
    target.unlink()
    save_file(weights, target, metadata={"format": "pt"})
    return weights


def read_sentences(paths, count):
    share = -(-count // len(paths))
    lines = []
    for path in paths:
        with open(path, encoding="utf8") as file:
            lines += [line.strip() for line in file if line.strip()][:share]
    return lines[:count]


def encode(folder, sentences):
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    return model.encode(sentences, batch_size=32, convert_to_tensor=True, show_progress_bar=False).double()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("retrievers", type=Path)
    parser.add_argument("admix", type=Path)
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--sentences", type=int, default=200)
    options = parser.parse_args()

    root = options.retrievers.resolve()
    models = {name: load_file(root / name / "model.safetensors") for name in LINEAR}
    sentences = read_sentences(options.texts, options.sentences)
    print(f"{len(sentences)} sentences")
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        plain = encode(root / "base", sentences)
        for method, content in recipes(root).items():
            recipe, made, hand = (scratch / f"{method}{end}" for end in (".yaml", "", "-by-hand"))
            recipe.write_text(json.dumps(content, indent=2))
            done = subprocess.run([options.admix, "merge", recipe, "-o", made], capture_output=True, text=True)
            if done.returncode != 0:
                print(f"{method}: admix ended with {done.returncode}\n{done.stderr}")
                failed = True
                continue
            weights = merge_by_hand(method, models, hand, root)
            merged = load_file(made / "model.safetensors")
            floats = [name for name, value in weights.items() if value.is_floating_point()]
            absent = [name for name in floats if name not in merged]
            furthest = max((float((merged[n].float() - weights[n].float()).abs().max()) for n in floats if n in merged), default=math.nan)
            ours, theirs = encode(made, sentences), encode(hand, sentences)
            cosine = float(torch.nn.functional.cosine_similarity(ours, theirs).min())
            moved = float(torch.nn.functional.cosine_similarity(plain, theirs).min())
            good = cosine >= LEAST and not absent
            failed |= not good
            print(f"{method}: least cosine {cosine:.8f} {'ok' if good else 'TOO LOW'} (base against merge {moved:.3f}), furthest weight {furthest:.1e}")
            if absent:
                print(f"{method}: not in admix's output: {absent[:5]}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
