#!/usr/bin/env python3
"""Writes layers.json: what transformers makes of configurations that count their layers instead of listing them.

Each entry has a configuration and the lists that transformers derives from it. Needs transformers 5; no network, and no torch.
"""

import json
from pathlib import Path

import transformers

HERE = Path(__file__).resolve().parent
DEPTHS = (5, 13)
# a class, the list that it derives, and settings to derive it from
CASES = [
    ("modernbert", "layer_types", [{}, {"global_attn_every_n_layers": 2}, {"global_attn_every_n_layers": 1}]),
    ("modernbert-decoder", "layer_types", [{}, {"global_attn_every_n_layers": 4}]),
    ("afmoe", "layer_types", [{}, {"global_attn_every_n_layers": 3}]),
    ("gemma3_text", "layer_types", [{}, {"sliding_window_pattern": 2}]),
    ("cohere2", "layer_types", [{}, {"sliding_window_pattern": 3}]),
    ("exaone4", "layer_types", [{"sliding_window": 16}, {"sliding_window": 16, "sliding_window_pattern": 3}]),
    ("gemma2", "layer_types", [{}]),
    ("vaultgemma", "layer_types", [{}]),
    ("gpt_oss", "layer_types", [{}]),
    ("gemma3n_text", "layer_types", [{}]),
    ("olmo3", "layer_types", [{}]),
    ("cwm", "layer_types", [{}]),
    ("minimax", "layer_types", [{}]),
    ("dots1", "layer_types", [{"sliding_window": 16, "max_window_layers": 3}, {"max_window_layers": 3}]),
    ("qwen3_next", "layer_types", [{}, {"full_attention_interval": 3}]),
    ("lfm2", "layer_types", [{}, {"full_attn_idxs": [1, 3]}]),
    ("smollm3", "no_rope_layers", [{}, {"no_rope_layer_interval": 3}]),
    ("smollm3", "layer_types", [{}, {"use_sliding_window": True, "sliding_window": 16, "no_rope_layer_interval": 3}]),
    ("llama4_text", "no_rope_layers", [{}, {"no_rope_layer_interval": 3}]),
    ("llama4_text", "layer_types", [{"attention_chunk_size": 16}]),
] + [
    (kind, "layer_types", [
        {"sliding_window": 16, "max_window_layers": 3},
        {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 3},
    ])
    for kind in ("qwen2", "qwen3", "qwen2_moe")
]


def main():
    entries = []
    for kind, key, settings in CASES:
        for setting in settings:
            for depth in DEPTHS:
                config = {"model_type": kind, "num_hidden_layers": depth, **setting}
                made = transformers.AutoConfig.for_model(**config)
                entries.append({"config": config, "key": key, "entries": list(getattr(made, key))})
    text = ",\n".join(json.dumps(entry) for entry in entries)
    (HERE / "layers.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
