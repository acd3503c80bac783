"""A tiny model in the form of jina-embeddings-v2, and its embeddings by the formulas of the papers in float64.

    python make_jina2.py FOLDER     (needs numpy, torch, transformers 5, tokenizers)

The class has code of its own beside the weights and none in transformers. What is written here follows the papers on ALiBi
(arXiv:2108.12409) and on jina-embeddings-v2 (arXiv:2310.19923): BERT without positions, gated GELU in the feed-forward network, and
a bias of minus slope times distance on every score. FOLDER is that of make_encoders.py and gets `jina_v2`.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from make_encoders import BERT, LONG, TEXTS, wordpiece

WIDTH, HEADS, INNER, LAYERS, EPSILON = 24, 6, 40, 2, 1e-12


def slopes(heads):
    """1/2 to 1/256 in equal factors for a power of two; otherwise those, and every other one of twice as many."""
    if math.log2(heads).is_integer():
        return [2.0 ** (-8 * (head + 1) / heads) for head in range(heads)]
    whole = 2 ** math.floor(math.log2(heads))
    return slopes(whole) + slopes(2 * whole)[0::2][: heads - whole]


def make_tensors(vocabulary):
    generator = torch.Generator().manual_seed(77)
    tensors = {}

    def linear(name, rows, columns, bias=True):
        tensors[f"{name}.weight"] = 0.35 * torch.randn((rows, columns), generator=generator)
        if bias:
            tensors[f"{name}.bias"] = 0.2 * torch.randn((rows,), generator=generator)

    def norm(name):
        tensors[f"{name}.weight"] = 1 + 0.3 * torch.randn((WIDTH,), generator=generator)
        tensors[f"{name}.bias"] = 0.2 * torch.randn((WIDTH,), generator=generator)

    linear("embeddings.word_embeddings", vocabulary, WIDTH, bias=False)
    linear("embeddings.token_type_embeddings", 2, WIDTH, bias=False)
    norm("embeddings.LayerNorm")
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            linear(f"{prefix}.attention.self.{part}", WIDTH, WIDTH)
        linear(f"{prefix}.attention.output.dense", WIDTH, WIDTH)
        norm(f"{prefix}.attention.output.LayerNorm")
        linear(f"{prefix}.mlp.gated_layers", 2 * INNER, WIDTH, bias=False)
        linear(f"{prefix}.mlp.wo", WIDTH, INNER)
        norm(f"{prefix}.mlp.layernorm")
    return tensors


def embed(ids, tensors):
    """The normalised mean of the last layer's vectors."""
    weights = {name: tensor.double().numpy() for name, tensor in tensors.items()}

    def linear(name, x):
        return x @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0.0)

    def norm(name, x):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON)
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    gelu = np.vectorize(lambda v: 0.5 * v * (1 + math.erf(v / math.sqrt(2))))
    positions = np.arange(len(ids))
    bias = -np.abs(positions[:, None] - positions[None, :])[None] * np.array(slopes(HEADS))[:, None, None]
    x = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.token_type_embeddings.weight"][0]
    x = norm("embeddings.LayerNorm", x)
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}"
        heads = [linear(f"{prefix}.attention.self.{part}", x).reshape(len(ids), HEADS, -1).transpose(1, 0, 2) for part in ("query", "key", "value")]
        scores = heads[0] @ heads[1].transpose(0, 2, 1) / math.sqrt(WIDTH / HEADS) + bias
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores = scores / scores.sum(-1, keepdims=True)
        mixed = (scores @ heads[2]).transpose(1, 0, 2).reshape(len(ids), WIDTH)
        x = norm(f"{prefix}.attention.output.LayerNorm", x + linear(f"{prefix}.attention.output.dense", mixed))
        inner = linear(f"{prefix}.mlp.gated_layers", x)
        gated = gelu(inner[:, :INNER]) * inner[:, INNER:]
        x = norm(f"{prefix}.mlp.layernorm", x + linear(f"{prefix}.mlp.wo", gated))
    pooled = x.mean(0)
    return pooled / np.linalg.norm(pooled)


def main():
    target = Path(sys.argv[1]) / "jina_v2"
    target.mkdir(parents=True, exist_ok=True)
    tokenizer, vocabulary, pad = wordpiece(BERT, longest=1024)
    tensors = make_tensors(vocabulary)
    save_file(tensors, target / "model.safetensors")
    tokenizer.save_pretrained(target)
    for name in ("added_tokens.json", "special_tokens_map.json"):
        (target / name).unlink(missing_ok=True)
    config = {
        "model_type": "bert", "architectures": ["JinaBertForMaskedLM"], "hidden_size": WIDTH, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "intermediate_size": INNER, "vocab_size": vocabulary, "pad_token_id": pad, "type_vocab_size": 2,
        "max_position_embeddings": 1024, "layer_norm_eps": EPSILON, "hidden_act": "gelu", "feed_forward_type": "geglu",
        "position_embedding_type": "alibi", "emb_pooler": "mean",
        "auto_map": {"AutoModel": "jinaai/jina-bert-implementation--modeling_bert.JinaBertModel"},
    }
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"} for index, (path, kind) in enumerate(kinds)
    ]
    (target / "modules.json").write_text(json.dumps(modules, indent=2) + "\n")
    (target / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 1024, "do_lower_case": False}) + "\n")
    (target / "1_Pooling").mkdir(exist_ok=True)
    pooling = {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    (target / "1_Pooling" / "config.json").write_text(json.dumps(pooling, indent=2) + "\n")
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.enable_truncation(max_length=1024)

    def rows(texts):
        # sentence-transformers strips texts.
        return torch.tensor(np.array([embed(tokenizer(text.strip())["input_ids"], tensors) for text in texts])).float().contiguous()

    save_file({"plain": rows(TEXTS), "long": rows(LONG)}, target / "expected.safetensors")


main()
