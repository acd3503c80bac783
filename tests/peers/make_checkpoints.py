#!/usr/bin/env python3
"""Writes synthetic retriever checkpoints: a base and fine-tunes of it with small dense changes.

    make_checkpoints.py OUT [--arch xlm-roberta|bert|mpnet|modernbert] [--size tiny|base|large]
                        [--dtype float32|float16|bfloat16] [--models base,ko-ko,ko-en,en-en] [--delta 0.002]

Each OUT/NAME is a Hugging Face folder (config.json, model.safetensors). The first name is the base; every other model is the base plus
normal noise of standard deviation --delta. Sizes are those of the published models of that architecture (xlm-roberta: base 278 M,
large 560 M parameters). The weights are random: for merging and timing, not for retrieval quality. A folder that is
already complete is left alone. Needs torch and transformers.
"""

import argparse
from pathlib import Path

import torch
import transformers

SIZES = {
    # hidden, layers, heads, intermediate, vocabulary (None: the architecture's own)
    "tiny": (64, 3, 4, 256, 4000),
    "base": (768, 12, 12, 3072, None),
    "large": (1024, 24, 16, 4096, None),
}
ARCHITECTURES = {
    # configuration class, model class, published vocabulary, further configuration
    "xlm-roberta": (
        "XLMRobertaConfig",
        "XLMRobertaModel",
        250002,
        {"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5},
    ),
    "bert": ("BertConfig", "BertModel", 30522, {}),
    "mpnet": ("MPNetConfig", "MPNetModel", 30527, {"max_position_embeddings": 514}),
    "modernbert": (
        "ModernBertConfig",
        "ModernBertModel",
        50368,
        {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2},
    ),
}


def build(arch, size):
    config_class, model_class, vocabulary, further = ARCHITECTURES[arch]
    hidden, layers, heads, intermediate, own_vocabulary = SIZES[size]
    config = getattr(transformers, config_class)(
        vocab_size=own_vocabulary or vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate,
        **further,
    )
    torch.manual_seed(0)
    return getattr(transformers, model_class)(config)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--arch", default="xlm-roberta", choices=ARCHITECTURES)
    parser.add_argument("--size", default="tiny", choices=SIZES)
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16", "bfloat16"])
    parser.add_argument("--models", default="base,ko-ko,ko-en,en-en", help="names, the base first")
    parser.add_argument("--delta", type=float, default=0.002, help="standard deviation of a fine-tune's change")
    options = parser.parse_args()

    names = options.models.split(",")
    if all((options.out / name / "model.safetensors").exists() for name in names):
        return
    model = build(options.arch, options.size).to(getattr(torch, options.dtype))
    base = {name: value.clone() for name, value in model.state_dict().items()}
    for index, name in enumerate(names):
        noise = torch.Generator().manual_seed(1000 + index)
        with torch.no_grad():
            for key, value in model.state_dict().items():
                if index and value.is_floating_point():
                    change = torch.randn(value.shape, generator=noise) * options.delta
                    value.copy_((base[key].float() + change).to(value.dtype))
        model.save_pretrained(options.out / name, max_shard_size="100GB")
        print(options.out / name)


if __name__ == "__main__":
    main()
