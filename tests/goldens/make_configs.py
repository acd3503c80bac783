#!/usr/bin/env python3
"""Writes configs.json: configurations of one model as transformers 4.57 and 5.24 save them.

    make_configs.py older FOLDER    with transformers 4.57: writes configurations, a folder each
    make_configs.py newer FOLDER    with transformers 5.24: reads them and writes the pairs

The two of a pair are of one model, so that nothing that matters differs between them.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SIZES = {"vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 6, "num_attention_heads": 4, "intermediate_size": 24}
KEYS = {"num_key_value_heads": 2}
LINEAR = {"rope_scaling": {"rope_type": "linear", "factor": 2.0}}
LLAMA3 = {
    "rope_scaling": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
}
YARN = {"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}}
DYNAMIC = {"rope_scaling": {"type": "dynamic", "factor": 2.0}}
LONG = {"rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.5], "long_factor": [2.0, 3.0]}}
TOKENS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
CASES = [
    ("bert", {}),
    ("bert", {"hidden_act": "gelu_new", "layer_norm_eps": 1e-5, "type_vocab_size": 1}),
    ("roberta", {"pad_token_id": 1}),
    ("xlm-roberta", {"layer_norm_eps": 1e-5}),
    ("camembert", {}),
    ("mpnet", {"relative_attention_num_buckets": 16}),
    ("electra", {"embedding_size": 8}),
    ("albert", {"embedding_size": 8}),
    ("deberta-v2", {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}),
    ("modernbert", {**TOKENS, "local_attention": 8}),
    ("modernbert", {**TOKENS, "global_attn_every_n_layers": 2, "global_rope_theta": 80000.0, "local_rope_theta": 5000.0}),
    ("llama", {**KEYS}),
    ("llama", {**KEYS, "rope_theta": 500000.0, **LLAMA3}),
    ("llama", {**KEYS, **LINEAR, "attention_bias": True}),
    ("llama", {**KEYS, **DYNAMIC}),
    ("mistral", {**KEYS}),
    ("mistral", {**KEYS, "sliding_window": None, "head_dim": 8}),
    ("mixtral", {**KEYS, "sliding_window": None, "num_local_experts": 4}),
    ("qwen2", {**KEYS}),
    ("qwen2", {**KEYS, "rope_theta": 1000000.0, **YARN}),
    ("qwen2", {**KEYS, "use_sliding_window": True, "sliding_window": 8, "max_window_layers": 2}),
    ("qwen3", {**KEYS, "head_dim": 8}),
    ("qwen3_moe", {**KEYS, "num_experts": 4, "decoder_sparse_step": 2, "mlp_only_layers": [5]}),
    ("gemma", {**KEYS, "head_dim": 8}),
    ("gemma2", {**KEYS, "head_dim": 8, "query_pre_attn_scalar": 8, "attn_logit_softcapping": 30.0}),
    ("gemma3_text", {**KEYS, "head_dim": 8, "rope_local_base_freq": 20000.0, "sliding_window_pattern": 2, **LINEAR}),
    ("phi", {"partial_rotary_factor": 0.25}),
    ("phi3", {**KEYS, **TOKENS, **LONG, "original_max_position_embeddings": 32}),
    ("gpt_neox", {"rotary_pct": 0.5, "rotary_emb_base": 20000}),
    ("stablelm", {**KEYS, "partial_rotary_factor": 0.5, "use_qkv_bias": True}),
    ("granite", {**KEYS, "attention_multiplier": 0.5, "logits_scaling": 4.0}),
    ("cohere2", {**KEYS, "sliding_window_pattern": 3, "logit_scale": 0.25}),
    ("olmo2", {**KEYS, **TOKENS}),
    ("starcoder2", {**KEYS, "sliding_window": 16}),
    ("smollm3", {**KEYS, "no_rope_layer_interval": 3}),
    ("lfm2", {**KEYS, "full_attn_idxs": [1, 4]}),
    ("deepseek_v3", {"first_k_dense_replace": 1, "n_routed_experts": 8}),
    ("glm4", {**KEYS, **TOKENS}),
    ("t5", {"num_layers": 2, "d_model": 16}),
    ("distilbert", {"n_layers": 2, "dim": 16}),
    ("gpt2", {"n_layer": 2, "n_embd": 16}),
    ("exaone4", {**KEYS, "sliding_window": 8}),
]


def sizes(kind):
    return {"vocab_size": 60} if kind in ("t5", "distilbert", "gpt2") else SIZES


def older(folder):
    import transformers

    for index, (kind, settings) in enumerate(CASES):
        transformers.AutoConfig.for_model(kind, **{**sizes(kind), **settings}).save_pretrained(Path(folder) / str(index))


def newer(folder):
    import transformers

    pairs = []
    for index in range(len(CASES)):
        here = Path(folder) / str(index)
        transformers.AutoConfig.from_pretrained(here).save_pretrained(here / "newer")
        pairs.append([json.loads((part / "config.json").read_text()) for part in (here, here / "newer")])
    text = ",\n".join(json.dumps(pair) for pair in pairs)
    (HERE / "configs.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    {"older": older, "newer": newer}[sys.argv[1]](sys.argv[2])
