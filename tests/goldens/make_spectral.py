"""Writes expected/{iso-c,tsv-m,wudi}*.safetensors: merges by whole matrices, computed in float64 by numpy.

    python tests/goldens/make_spectral.py

iso_c and tsv_m follow the code of their papers (arXiv:2502.04959, arXiv:2412.00081), wudi the gradient flow of its
objective (arXiv:2503.08099) by a matrix exponential. Tensors outside of the layers get the mean of the task vectors."""

import sys
from pathlib import Path

import numpy as np
import yaml
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).parent


def is_layer_matrix(name, tensor):
    return ".layer." in name and tensor.ndim == 2 and min(tensor.shape) > 1


def iso_c(tasks, parameters):
    u, s, vt = np.linalg.svd(sum(tasks), full_matrices=False)
    return s.mean() * u @ vt


def tsv_m(tasks, parameters):
    share = min(tasks[0].shape) // len(tasks)
    us, ss, vs = [], [], []
    for task in tasks:
        u, s, vt = np.linalg.svd(task, full_matrices=False)
        us.append(u[:, :share])
        ss.append(s[:share])
        vs.append(vt[:share])
    def orthogonal(matrix):
        p, _, qt = np.linalg.svd(matrix, full_matrices=False)
        return p @ qt
    return orthogonal(np.concatenate(us, 1)) @ np.diag(np.concatenate(ss)) @ orthogonal(np.concatenate(vs, 0))


def exponential(matrix):
    """e^matrix, by its series after halving it often enough."""
    halvings = max(0, int(np.ceil(np.log2(np.abs(matrix).sum(1).max() + 1e-300))) + 4)
    matrix = matrix / 2.0**halvings
    result, term = np.eye(len(matrix)), np.eye(len(matrix))
    for order in range(1, 20):
        term = term @ matrix / order
        result = result + term
    for _ in range(halvings):
        result = result @ result
    return result


def wudi(tasks, parameters):
    tasks = [task for task in tasks if np.linalg.norm(task) > 0]
    a = sum(task.T @ task / np.linalg.norm(task) ** 2 for task in tasks)
    b = sum(task @ task.T @ task / np.linalg.norm(task) ** 2 for task in tasks)
    time = parameters.get("flow", 30.0) / np.linalg.eigvalsh(a)[-1]
    n = len(a)
    block = np.zeros((2 * n, 2 * n))
    block[:n, :n], block[:n, n:] = -time * a, time * np.eye(n)
    flow = exponential(block)
    return sum(tasks) @ flow[:n, :n] + b @ flow[:n, n:]


def merge(recipe):
    recipe = yaml.safe_load(recipe.read_text())
    method = {"iso_c": iso_c, "tsv_m": tsv_m, "wudi": wudi}[recipe["merge_method"]]
    read = lambda folder: load_file(HERE / folder / "model.safetensors")
    base = read(recipe["base_model"])
    models = [(read(model["model"]), model.get("parameters", {}).get("weight", 1.0)) for model in recipe["models"]]
    parameters = recipe.get("parameters", {})
    merged = {}
    for name, tensor in base.items():
        if not np.issubdtype(tensor.dtype, np.floating):
            merged[name] = tensor
            continue
        exact = tensor.astype(np.float64)
        tasks = [weight * (model[name].astype(np.float64) - exact) for model, weight in models]
        if is_layer_matrix(name, tensor):
            update = method(tasks, parameters)
        else:
            update = sum(tasks) / len(tasks)
        merged[name] = (exact + parameters.get("lambda", 1.0) * update).astype(tensor.dtype)
    return merged


for recipe in sorted((HERE / "recipes").glob("*.yaml")):
    if recipe.stem.startswith(("iso-c", "tsv-m", "wudi")):
        save_file(merge(recipe), HERE / "expected" / f"{recipe.stem}.safetensors")
        print(recipe.stem, file=sys.stderr)
