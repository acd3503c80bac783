#!/usr/bin/env python3
"""Makes models/llama/ and what mergekit 0.1.5 makes of the recipes named heads-*: see README.md.

`base` and `tied` use their token embeddings as head, `untied` has one of its own and the rotary buffers of older checkpoints.
"""

import os
import shutil
from pathlib import Path

from make_goldens import HERE, make_expected

import torch
import transformers
from safetensors.torch import save_file

SHAPE = {"vocab_size": 12, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
HEAD = "lm_head.weight"


def config(tied):
    return transformers.LlamaConfig(**SHAPE, max_position_embeddings=16, tie_word_embeddings=tied)


def main():
    generator = torch.Generator().manual_seed(31)
    names = transformers.LlamaForCausalLM(config(False)).state_dict()
    base = {name: 0.5 * torch.randn(value.shape, generator=generator) for name, value in names.items()}
    for model in ("base", "tied", "untied"):
        change = 0.0 if model == "base" else 0.2
        weights = {name: value + change * torch.randn(value.shape, generator=generator) for name, value in base.items()}
        if model == "untied":
            for layer in range(SHAPE["num_hidden_layers"]):
                weights[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = torch.tensor([1.0, 0.01])
        else:
            del weights[HEAD]
        folder = HERE / "models/llama" / model
        shutil.rmtree(folder, ignore_errors=True)
        of_class = config(model != "untied")
        of_class.architectures = ["LlamaForCausalLM"]
        of_class.save_pretrained(folder)
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        (folder / "model.safetensors").chmod(0o644)
    os.chdir(HERE)
    for recipe in sorted(Path("recipes").glob("heads-*.yaml")):
        make_expected(recipe)


if __name__ == "__main__":
    main()
