#!/usr/bin/env python3
"""Makes adapters/ and what PEFT makes of them: see README.md.

    make_adapters.py [NAME …]

Writes LoRA adapters for models/xlm-roberta/base as PEFT saves them (random, from fixed seeds), and the weights after
`merge_and_unload()` to expected/adapters/NAME.safetensors. Needs peft 0.21, torch, transformers; no network.
"""

import json
import os
import shutil
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
BASE = HERE / "models/xlm-roberta/base"
ADAPTERS = {
    "plain": dict(r=4, lora_alpha=8, target_modules=["query", "value"]),
    "root": dict(r=4, lora_alpha=6, use_rslora=True, target_modules=["query", "dense"]),
    "patterns": dict(
        r=2,
        lora_alpha=4,
        target_modules=["query", "key", "value"],
        rank_pattern={"layer.1.attention.self.key": 5, "value": 3},
        alpha_pattern={"query": 7},
    ),
    "expressions": dict(
        r=2,
        lora_alpha=4,
        target_modules=["query", "key", "value"],
        rank_pattern={"encoder.layer.[01].attention.self.(query|key)": 3, "^encoder.layer.2.attention.self.query": 5},
        alpha_pattern={"encoder.layer.0.attention.self.query": 9, "layer\\.(?!1)\\d+\\..*\\.value": 11, "lay.*1.*": 6},
    ),
    "embeddings": dict(
        r=3, lora_alpha=5, target_modules=["word_embeddings", "query"], modules_to_save=["pooler"], bias="lora_only"
    ),
}


def main():
    for name, settings in ADAPTERS.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        model = transformers.AutoModel.from_pretrained(BASE)
        peft = get_peft_model(model, LoraConfig(**settings))
        generator = torch.Generator().manual_seed(len(name))
        for parameter in peft.parameters():
            if parameter.requires_grad:
                parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
        folder = HERE / "adapters" / name
        shutil.rmtree(folder, ignore_errors=True)
        peft.save_pretrained(folder, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)
        config = json.loads((folder / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = "models/xlm-roberta/base"
        config["target_modules"].sort()
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
        loaded = PeftModel.from_pretrained(transformers.AutoModel.from_pretrained(BASE), folder)
        merged = loaded.merge_and_unload().state_dict()
        out = HERE / "expected/adapters" / f"{name}.safetensors"
        out.parent.mkdir(parents=True, exist_ok=True)
        save_file({key: value.contiguous() for key, value in merged.items()}, out, metadata={"format": "pt"})


if __name__ == "__main__":
    main()
