#!/usr/bin/env python3
"""Compares the random methods with mergekit's by their means over many seeds.

    random_means.py ADMIX [SEEDS]

For dare_linear, dare_ties, della and della_linear, two models of tests/goldens are merged with seeds 0 to SEEDS - 1 (24) by both programs.
Per element the two means differ by chance alone: the mean of the squared differences, each over its standard error, must be near
(SEEDS - 1) / (SEEDS - 2). Elements of tensors of fewer than 16 are left out. Needs mergekit 0.1.5; no network.
"""

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
logging.disable(logging.CRITICAL)

import numpy as np
from mergekit.scripts.run_yaml import main as mergekit_yaml
from safetensors.numpy import load_file

MODELS = Path(__file__).resolve().parents[1] / "goldens/models/xlm-roberta"
METHODS = {
    "dare_linear": "density: 0.4",
    "dare_ties": "density: 0.4",
    "della": "density: 0.5, epsilon: 0.3",
    "della_linear": "density: 0.5, epsilon: 0.3",
}


def recipe(method, own):
    lines = [f"merge_method: {method}", f"base_model: {MODELS}/base", "models:"]
    for name, weight in (("ko-ko", 0.7), ("ko-en", 0.4)):
        lines.append(f"  - {{model: {MODELS}/{name}, parameters: {{weight: {weight}, {own}}}}}")
    return "\n".join([*lines, "dtype: float32", ""])


def values(folder):
    tensors = load_file(folder / "model.safetensors")
    return np.concatenate([tensors[name].ravel().astype(np.float64) for name in sorted(tensors) if tensors[name].size > 15])


def main():
    admix, seeds = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 24
    for method, own in METHODS.items():
        with tempfile.TemporaryDirectory() as scratch:
            scratch = Path(scratch)
            (scratch / "recipe.yaml").write_text(recipe(method, own))
            ours, theirs = [], []
            for seed in range(seeds):
                path, a, m = str(scratch / "recipe.yaml"), scratch / f"a{seed}", scratch / f"m{seed}"
                flags = ["--no-copy-tokenizer", "--no-write-model-card", "--quiet", "--random-seed", str(seed)]
                mergekit_yaml.main(args=[path, str(m), *flags], standalone_mode=False)
                subprocess.run([admix, "merge", path, "-q", "--no-sync", "--seed", str(seed), "-o", a], check=True)
                ours.append(values(a))
                theirs.append(values(m))
        ours, theirs = np.array(ours), np.array(theirs)
        error = np.sqrt((ours.var(0, ddof=1) + theirs.var(0, ddof=1)) / seeds)
        drawn = error > 1e-9
        z = (ours.mean(0) - theirs.mean(0))[drawn] / error[drawn]
        spread = ours.var(0, ddof=1).mean() / theirs.var(0, ddof=1).mean()
        print(f"{method}: {drawn.sum()} elements, mean z² {np.mean(z**2):.3f} (expected {(seeds - 1) / (seeds - 2):.3f}), variances {spread:.3f}")


if __name__ == "__main__":
    main()
