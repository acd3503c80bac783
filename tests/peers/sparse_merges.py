"""Merges the tiny sparse retrievers of the goldens, and loads the results with sentence-transformers: `python sparse_merges.py ADMIX`.

Run from the repository; needs sentence-transformers 6, numpy and safetensors. Ends with an error where a merged folder does not load,
a tensor is not the mean of its parents, or an embedding is not that of a folder whose weights numpy averaged.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file, save_file
from sentence_transformers import SparseEncoder

TEXTS = ["the cat sat on the mat", "고양이가 매트 위에 앉았다", "search query words"]


def perturb(folder: pathlib.Path) -> None:
    for number, file in enumerate(sorted(folder.rglob("model.safetensors"))):
        random = np.random.default_rng(number)
        tensors = load_file(file)
        for name, value in tensors.items():
            if value.dtype == np.float32:
                tensors[name] = value + 0.1 * random.standard_normal(value.shape).astype(np.float32)
        save_file(tensors, file, metadata={"format": "pt"})


def main(admix: str) -> None:
    goldens = pathlib.Path(__file__).parents[1] / "goldens" / "sparse"
    for case in sorted(goldens.iterdir()):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            for model in ("a", "b", "mean"):
                shutil.copytree(case, root / model)
            perturb(root / "b")
            for file in (root / "mean").rglob("model.safetensors"):
                one, other = (load_file(root / model / file.relative_to(root / "mean")) for model in ("a", "b"))
                kept = lambda key: one[key] if one[key].dtype != np.float32 else ((one[key].astype(np.float64) + other[key]) / 2).astype(np.float32)
                save_file({key: kept(key) for key in one}, file, metadata={"format": "pt"})
            subprocess.run([admix, "blend", "a=0.5", "b=0.5", "-q", "-o", "out"], cwd=root, check=True)
            for file in (root / "mean").rglob("model.safetensors"):
                mean, merged = load_file(file), load_file(root / "out" / file.relative_to(root / "mean"))
                assert mean.keys() == merged.keys(), case.name
                for key, value in mean.items():
                    assert np.allclose(merged[key], value, atol=1e-6), (case.name, key)
            rows = []
            for model in ("mean", "out"):
                encoder = SparseEncoder(str(root / model), device="cpu")
                rows.append([encoder.encode_query(TEXTS).to_dense(), encoder.encode_document(TEXTS).to_dense()])
            for one, other in zip(*rows):
                assert (one - other).abs().max().item() < 1e-5, case.name
        print(f"{case.name}: loads, and is the mean")


if __name__ == "__main__":
    main(str(pathlib.Path(sys.argv[1]).resolve()))
