"""Writes state dicts with torch, and what they hold as safetensors.

    python make_torch.py

Needs torch 2.8 or later, numpy and safetensors. `all.safetensors` has the contiguous values of every tensor of `zip.bin` and
`legacy.bin` under its name; a second run writes the same bytes.
"""

from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64"]
NEWER = ["uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2"]


def views():
    """Tensors that share storages, begin inside them, and step through them."""
    matrix = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
    table = torch.linspace(-1, 1, 24).reshape(8, 3)
    return OrderedDict(
        [
            ("view.whole", matrix),
            ("view.transposed", matrix.transpose(0, 2)),
            ("view.middle", matrix[1]),
            ("view.column", matrix[:, 2, 1:]),
            ("view.steps", matrix[::2, ::3, ::2]),
            ("view.scalar", matrix[2, 3, 4]),
            ("view.repeated", torch.tensor([1.5, 2.5]).reshape(2, 1).expand(2, 3)),
            ("view.empty", torch.empty(0, 7)),
            ("view.narrow", table[2:5].t()),
            ("tied.a", table),
            ("tied.b", table),
            ("half.t", torch.arange(12, dtype=torch.bfloat16).reshape(3, 4).t()),
            ("parameter", torch.nn.Parameter(torch.tensor([[1.0, -2.0], [3.0, 0.25]]))),
            ("named.é한", torch.tensor(7)),
        ]
    )


def formats(names):
    values = torch.tensor([[0.0, 1.0, 2.0], [3.0, 5.0, 100.0]])
    return OrderedDict((f"dtype.{name}", values.to(getattr(torch, name))) for name in names)


def main():
    torch.serialization.set_crc32_options(True)
    both = formats(DTYPES) | views()
    newer = both | formats(NEWER)
    module = torch.nn.Linear(2, 1)
    both._metadata = module.state_dict()._metadata
    torch.save(newer, HERE / "zip.bin")
    torch.save(both, HERE / "legacy.bin", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "state_dict": OrderedDict((f"module.{k}", v) for k, v in both.items())}, HERE / "wrapped.bin")
    torch.save(both, HERE / "protocol4.bin", pickle_protocol=4)
    torch.serialization.set_crc32_options(False)
    torch.save(views(), HERE / "unchecked.bin")
    torch.serialization.set_crc32_options(True)
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in newer.items()}, HERE / "all.safetensors")


main()
