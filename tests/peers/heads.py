"""Merges heads that torch saved, and loads the results with torch: `python heads.py ADMIX`, from the repository.

Needs torch. Ends with an error where a head is not the mean of its parents, or does not load as FlagEmbedding loads it.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

import torch

HEADS = {"colbert_linear": lambda: torch.nn.Linear(24, 24), "sparse_linear": lambda: torch.nn.Linear(24, 1)}


def load(path: pathlib.Path) -> dict:
    return torch.load(path, map_location="cpu", weights_only=True)


def main(admix: str) -> None:
    fixtures = pathlib.Path(__file__).parents[2] / "fixtures" / "tiny"
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            for seed, model in enumerate(("base", "ko-en")):
                shutil.copytree(fixtures / model, root / model)
                torch.manual_seed(seed)
                for head, module in HEADS.items():
                    torch.save(module().to(dtype).state_dict(), root / model / f"{head}.pt")
            out = root / "out"
            subprocess.run([admix, "blend", "base=0.5", "ko-en=0.5", "-q", "-o", out], cwd=root, check=True)
            for head, module in HEADS.items():
                path = out / f"{head}.pt"
                assert zipfile.ZipFile(path).testzip() is None, "a checksum is wrong"
                found, one, other = load(path), load(root / "base" / path.name), load(root / "ko-en" / path.name)
                module().to(dtype).load_state_dict(found)
                mapped = torch.load(path, weights_only=True, mmap=True)
                for key, tensor in found.items():
                    mean = ((one[key].double() + other[key].double()) / 2).to(dtype)
                    most = (tensor.double() - mean.double()).abs().max().item()
                    assert tensor.dtype == dtype and most <= torch.finfo(dtype).eps, (head, key, most)
                    assert torch.equal(mapped[key], tensor)
        print(f"{dtype}: both heads load and are the mean")


if __name__ == "__main__":
    main(str(pathlib.Path(sys.argv[1]).resolve()))
