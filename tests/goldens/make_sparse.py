"""Tiny random sparse retrievers of every class, and what sentence-transformers makes of them.

usage: make_sparse.py FOLDER [CASE ...]     (needs sentence-transformers 6, transformers 5, tokenizers; make_rerankers.py before it)

FOLDER gets a model folder for each case and in each `expected.safetensors`: SparseEncoder's embeddings of the queries and documents of
`tests/goldens/rerankers/data`, each computed alone, as dense rows; and `expected.json`: what SparseInformationRetrievalEvaluator says,
and the heaviest tokens of the first document. The weights come from fixed seeds, so that running it again gives the same files.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers as tf
from safetensors.torch import save_file
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder import modules as st
from sentence_transformers.sparse_encoder.evaluation import SparseInformationRetrievalEvaluator
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

from make_encoders import BERT, POSITIONS, ROBERTA, WIDTH, bytes_of, edit, shake, shape, wide, wordpiece

LONGEST = POSITIONS - 8
DATA = Path(__file__).parent / "rerankers/data"


def bert(vocabulary, pad):
    return tf.BertForMaskedLM(tf.BertConfig(vocab_size=vocabulary, pad_token_id=pad, hidden_act="gelu_new", **shape()))


def distilbert(vocabulary, pad):
    return tf.DistilBertForMaskedLM(tf.DistilBertConfig(
        vocab_size=vocabulary, pad_token_id=pad, dim=WIDTH, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=POSITIONS,
    ))


def xlm_roberta(vocabulary, pad):
    return tf.XLMRobertaForMaskedLM(tf.XLMRobertaConfig(
        vocab_size=vocabulary, pad_token_id=pad, type_vocab_size=1, layer_norm_eps=1e-5, **shape(),
    ))


def mpnet(vocabulary, pad):
    return tf.MPNetForMaskedLM(tf.MPNetConfig(vocab_size=vocabulary, pad_token_id=pad, layer_norm_eps=1e-5, **shape()))


def modernbert(vocabulary, pad):
    return tf.ModernBertForMaskedLM(tf.ModernBertConfig(
        vocab_size=vocabulary, pad_token_id=pad, local_attention=24, norm_bias=True, classifier_bias=True, decoder_bias=True, **wide(),
    ))


def untied(vocabulary, pad):
    """A decoder of its own, and no biases in the head."""
    return tf.ModernBertForMaskedLM(tf.ModernBertConfig(
        vocab_size=vocabulary, pad_token_id=pad, local_attention=24, decoder_bias=False, tie_word_embeddings=False, **wide(),
    ))


def electra(vocabulary, pad):
    return tf.ElectraForMaskedLM(tf.ElectraConfig(vocab_size=vocabulary, pad_token_id=pad, embedding_size=12, **shape()))


def albert(vocabulary, pad):
    return tf.AlbertForMaskedLM(tf.AlbertConfig(vocab_size=vocabulary, pad_token_id=pad, embedding_size=12, **shape()))


def deberta(legacy):
    def build(vocabulary, pad):
        return tf.DebertaV2ForMaskedLM(tf.DebertaV2Config(
            vocab_size=vocabulary, pad_token_id=pad, type_vocab_size=0, relative_attention=True, position_buckets=8, legacy=legacy,
            pos_att_type=["p2c", "c2p"], position_biased_input=False, share_att_key=True, norm_rel_ebd="layer_norm", **shape(),
        ))

    return build


def gte(vocabulary, pad):
    rope = {"rope_type": "default", "rope_theta": 1000.0}
    return tf.GteForMaskedLM(tf.GteConfig(vocab_size=vocabulary, pad_token_id=pad, rope_parameters=rope, **wide()))


def eurobert(vocabulary, pad):
    rope = {"rope_type": "default", "rope_theta": 250000.0}
    return tf.EuroBertForMaskedLM(tf.EuroBertConfig(
        vocab_size=vocabulary, pad_token_id=pad, num_key_value_heads=2, rope_parameters=rope, **wide(),
    ))


def splade(target, **more):
    return [st.Transformer(str(target), transformer_task="fill-mask"), st.SpladePooling(**more)]


def routed(target, index):
    modules = splade(target, activation_function="log1p_relu")
    weights = torch.rand(len(modules[0].tokenizer), generator=torch.Generator().manual_seed(800 + index))
    weights[::7] = 0.0
    static = st.SparseStaticEmbedding(modules[0].tokenizer, weight=weights, frozen=True)
    return [st.Router.for_query_document(query_modules=[static], document_modules=modules)]


def autoencoder(target, index):
    transformer = st.Transformer(str(target))
    sparse = st.SparseAutoEncoder(WIDTH, hidden_dim=60, k=9, k_aux=12, normalize=True)
    shake(sparse, 700 + index, 0.4)
    return [transformer, Pooling(WIDTH, pooling_mode="mean"), sparse]


def as_older(target):
    """As sentence-transformers 5 wrote it."""
    modules = json.loads((target / "modules.json").read_text())
    modules[0]["type"] = "sentence_transformers.sparse_encoder.models.MLMTransformer"
    modules[1]["type"] = "sentence_transformers.sparse_encoder.models.SpladePooling"
    (target / "modules.json").write_text(json.dumps(modules, indent=2) + "\n")
    (target / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": LONGEST, "do_lower_case": False}, indent=2) + "\n")


def in_root(target):
    """The transformer in the model's own folder, as folders that were published before have it."""
    config = json.loads((target / "router_config.json").read_text())
    (name,) = [name for name in config["types"] if name.endswith("Transformer")]
    for file in (target / name).iterdir():
        shutil.move(file, target / file.name)
    (target / name).rmdir()
    text = (target / "router_config.json").read_text().replace(f'"{name}"', '""')
    (target / "router_config.json").write_text(text)


PROMPTS = {"query": "search query: ", "document": "search: "}

# name: class, special tokens, modules (None: a plain folder), how the model is used, what happens to the folder
CASES = {
    "bert": (bert, BERT, lambda target, _: splade(target), {}, None),
    "distilbert": (distilbert, BERT, None, {}, None),
    "xlm-roberta": (
        xlm_roberta, ROBERTA, lambda target, _: splade(target, pooling_strategy="sum", activation_function="log1p_relu"),
        {"prompts": PROMPTS, "max_active_dims": 12, "similarity_fn_name": "cosine"}, None,
    ),
    "mpnet": (mpnet, ROBERTA, lambda target, _: [*splade(target), Normalize()], {}, None),
    "modernbert": (modernbert, BERT, lambda target, _: splade(target), {"similarity_fn_name": "euclidean"}, None),
    "untied": (untied, BERT, lambda target, _: splade(target), {"similarity_fn_name": "manhattan"}, None),
    "electra": (electra, BERT, lambda target, _: splade(target), {}, as_older),
    "albert": (albert, BERT, lambda target, _: splade(target), {}, None),
    "deberta-v2": (deberta(True), BERT, lambda target, _: splade(target), {}, None),
    "deberta-newer": (deberta(False), BERT, lambda target, _: splade(target), {}, None),
    "gte": (gte, ROBERTA, lambda target, _: splade(target), {}, None),
    "eurobert": (eurobert, {}, lambda target, _: splade(target), {}, None),
    "router": (bert, BERT, routed, {}, None),
    "router-root": (distilbert, BERT, routed, {}, in_root),
    "autoencoder": (bert, BERT, autoencoder, {}, None),
}


def read_data():
    def texts(name):
        rows = [json.loads(line) for line in (DATA / name).read_text().splitlines()]
        return {row["_id"]: row["text"] for row in rows}

    judged = {}
    for line in (DATA / "qrels/test.tsv").read_text().splitlines()[1:]:
        query, document, _ = line.split("\t")
        judged.setdefault(query, set()).add(document)
    return texts("queries.jsonl"), texts("corpus.jsonl"), judged


def expected(target):
    queries, documents, judged = read_data()
    model = SparseEncoder(str(target), device="cpu", model_kwargs={"dtype": torch.float32})
    of_queries = [model.encode_query([text])[0].to_dense() for text in queries.values()]
    of_documents = [model.encode_document([text])[0].to_dense() for text in documents.values()]
    rows = {"queries": torch.stack(of_queries), "documents": torch.stack(of_documents)}
    save_file({name: value.float().contiguous() for name, value in rows.items()}, target / "expected.safetensors")
    evaluator = SparseInformationRetrievalEvaluator(
        queries, documents, judged, write_csv=False, batch_size=1, show_progress_bar=False,
        accuracy_at_k=[1], precision_recall_at_k=[5], mrr_at_k=[10], ndcg_at_k=[10], map_at_k=[100],
    )
    metrics = {key: float(value) for key, value in evaluator(model).items()}
    result = {"similarity": model.similarity_fn_name, "metrics": metrics}
    if target.name != "autoencoder":
        result["heaviest"] = model.decode(model.encode_document(list(documents.values())[0]), top_k=5)
    (target / "expected.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def make(folder, index, name):
    build, special, behind, use, finish = CASES[name]
    make_tokenizer = wordpiece if special else bytes_of
    tokenizer, vocabulary, pad = make_tokenizer(special, longest=LONGEST)
    torch.manual_seed(index)
    model = build(vocabulary, pad)
    shake(model, 600 + index, 0.3)
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    made = target.with_name(f"{name}.made") if behind else target
    (model if name != "autoencoder" else model.bert).save_pretrained(made)
    tokenizer.save_pretrained(made)
    if behind:
        retriever = SparseEncoder(modules=behind(made, index), device="cpu", **use)
        retriever.save_pretrained(str(target), create_model_card=False)
        shutil.rmtree(made)
    if finish is not None:
        finish(target)
    expected(target)
    for file in target.rglob("*"):
        if file.name in {"README.md", "added_tokens.json", ".gitattributes"}:
            file.unlink()


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(CASES):
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        make(folder, index, name)
        print(name, flush=True)


if __name__ == "__main__":
    main()
