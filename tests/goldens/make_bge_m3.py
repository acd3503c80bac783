"""A tiny random model with bge-m3's three heads, and what FlagEmbedding makes of it.

usage: make_bge_m3.py FOLDER     (needs FlagEmbedding 1.4, sentence-transformers 6, transformers, tokenizers)

FOLDER gets a model as bge-m3 is published (modules.json, `sparse_linear.pt`, `colbert_linear.pt`), and in it `expected.safetensors`:
the dense vectors, lexical weights (as dense rows) and token vectors of the queries and documents of `tests/goldens/rerankers/data`,
and the scores of every pair by each head and by their sums; and `expected.json`: nDCG@10 of the rankings by these scores. The weights
come from a fixed seed, so that running it again gives the same files.
"""

import json
import math
import sys
import types
from pathlib import Path

import numpy as np
import torch
import transformers as tf
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

from make_encoders import POSITIONS, WIDTH, shake, shape
from make_rerankers import unigram
from make_sparse import read_data

try:
    from FlagEmbedding.inference.embedder.encoder_only.m3 import M3Embedder
except ModuleNotFoundError as error:
    # Only FlagEmbedding's decoder rerankers need this module, which transformers 5 no longer has.
    class Missing(types.ModuleType):
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (), {})

    sys.modules[error.name] = Missing(error.name)
    for name in [name for name in sys.modules if name.startswith("FlagEmbedding")]:
        del sys.modules[name]
    from FlagEmbedding.inference.embedder.encoder_only.m3 import M3Embedder

LONGEST = POSITIONS - 8
# In FlagEmbedding's order: dense, sparse, late.
WEIGHTS = [0.4, 0.2, 0.4]


def make(target):
    tokenizer = unigram(LONGEST)
    torch.manual_seed(0)
    model = tf.XLMRobertaModel(
        tf.XLMRobertaConfig(vocab_size=len(tokenizer), pad_token_id=1, type_vocab_size=1, layer_norm_eps=1e-5, **shape()),
        add_pooling_layer=False,
    )
    shake(model, 850, 0.3)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    modules = [Transformer(str(target)), Pooling(WIDTH, pooling_mode="cls"), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(target), create_model_card=False)
    sparse, late = torch.nn.Linear(WIDTH, 1), torch.nn.Linear(WIDTH, 12)
    shake(sparse, 851, 0.4)
    shake(late, 852, 0.4)
    # Most tokens get a weight.
    torch.nn.init.constant_(sparse.bias, 3.6)
    torch.save(sparse.state_dict(), target / "sparse_linear.pt")
    torch.save(late.state_dict(), target / "colbert_linear.pt")
    return len(tokenizer)


def rows(weights, vocabulary):
    found = torch.zeros((len(weights), vocabulary))
    for row, entries in zip(found, weights):
        for token, weight in entries.items():
            row[int(token)] = float(weight)
    return found


def ndcg(scores, queries, documents, judged):
    total = 0.0
    for row, query in zip(scores, queries):
        # As trec_eval orders equal scores.
        best = sorted(range(len(documents)), key=lambda at: (row[at], documents[at]), reverse=True)[:10]
        gain = sum(1 / math.log2(rank + 2) for rank, at in enumerate(best) if documents[at] in judged[query])
        total += gain / sum(1 / math.log2(rank + 2) for rank in range(min(10, len(judged[query]))))
    return total / len(queries)


def main():
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    vocabulary = make(target)
    queries, documents, judged = read_data()
    model = M3Embedder(
        str(target), use_fp16=False, devices="cpu", query_max_length=LONGEST, passage_max_length=LONGEST, batch_size=1, colbert_dim=12,
    )
    expected = {}
    for name, texts in [("queries", list(queries.values())), ("documents", list(documents.values()))]:
        found = model.encode(texts, max_length=LONGEST, return_dense=True, return_sparse=True, return_colbert_vecs=True)
        expected[f"dense_{name}"] = torch.from_numpy(np.asarray(found["dense_vecs"]))
        expected[f"sparse_{name}"] = rows(found["lexical_weights"], vocabulary)
        expected[f"late_{name}"] = torch.from_numpy(np.concatenate(found["colbert_vecs"]))
        expected[f"counts_{name}"] = torch.tensor([len(text) for text in found["colbert_vecs"]])
    metrics = {}
    pairs = [(query, document) for query in queries.values() for document in documents.values()]
    equal = model.compute_score(pairs, max_query_length=LONGEST, max_passage_length=LONGEST)
    weighted = model.compute_score(
        pairs, max_query_length=LONGEST, max_passage_length=LONGEST, weights_for_different_modes=WEIGHTS,
    )
    for name, values in [
        ("dense", equal["dense"]), ("sparse", equal["sparse"]), ("late", equal["colbert"]),
        ("dense,sparse", equal["sparse+dense"]), ("dense,sparse,late", equal["colbert+sparse+dense"]),
        ("dense=0.4,sparse=0.2,late=0.4", weighted["colbert+sparse+dense"]),
    ]:
        scores = torch.tensor(values).reshape(len(queries), len(documents))
        expected[f"scores_{name}"] = scores
        metrics[name] = ndcg(scores.tolist(), list(queries), list(documents), judged)
    save_file({name: value.float().contiguous() for name, value in expected.items()}, target / "expected.safetensors")
    (target / "expected.json").write_text(json.dumps(metrics, indent=1) + "\n")
    for file in target.rglob("*"):
        if file.name in {"README.md", "added_tokens.json", ".gitattributes"}:
            file.unlink()


main()
