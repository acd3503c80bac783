"""Tiny random late-interaction models, and what PyLate and sentence-transformers make of them.

usage: make_late_interaction.py pylate FOLDER [CASE ...]      (needs pylate 1.6 and the sentence-transformers 5.3 that it asks for)
       make_late_interaction.py encoder FOLDER [CASE ...]     (needs sentence-transformers 6.2)

FOLDER gets a model folder for each case. `pylate` writes those that PyLate saves and one as Stanford's ColBERT saves it; run `encoder`
after it, which writes those of MultiVectorEncoder. Each case has `expected.json`: by each tool that reads the folder the score of every
query of rerankers/data with every document, and what its evaluator says; and `expected.safetensors`: the vectors of a few texts.
The weights come from fixed seeds, so that running it again gives the same files.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers as tf
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

WIDTH, HEADS, INNER, POSITIONS = 16, 2, 32, 64
WORDS = [
    "the", "cat", "sat", "on", "mat", "a", "고양이", "고양이가", "매트", "위에", "앉았다", "spaces", "around", "words", "un",
    "c", "m", "s", "t", "##known", "##s", "##t", "##at", "고", "##양이", "##가", *"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
]
TEXTS = ["the cat, sat on the mat!", "고양이가 매트 위에 앉았다.", "a", "cat (mat): un##known - 고양이"]


def texts_of(name):
    lines = (HERE / "rerankers/data" / name).read_text().splitlines()
    return {row["_id"]: row["text"] for row in map(json.loads, lines)}


QUERIES, DOCUMENTS = texts_of("queries.jsonl"), texts_of("corpus.jsonl")
JUDGED = {}
for line in (HERE / "rerankers/data/qrels/test.tsv").read_text().splitlines()[1:]:
    query, document, _ = line.split("\t")
    JUDGED.setdefault(query, set()).add(document)


def wordpiece(**more):
    special = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: number for number, word in enumerate(special + list(dict.fromkeys(WORDS)))}
    return tf.BertTokenizer(vocab=vocabulary, strip_accents=False, tokenize_chinese_chars=False, model_max_length=POSITIONS, **more)


def unigram():
    pieces = [(piece, 0.0) for piece in ["<s>", "<pad>", "</s>", "<unk>"]]
    words = list(dict.fromkeys(word.removeprefix("##") for word in WORDS if len(word) > 1))
    pieces += [("▁" + word, -2.0 - 0.01 * number) for number, word in enumerate(words)]
    # Of the punctuation some is unknown.
    letters = sorted({letter for text in [*TEXTS, *words, ",.!?:"] for letter in text if letter not in " ()#-"})
    pieces += [(piece, -5.0 - 0.01 * number) for number, piece in enumerate(dict.fromkeys(["▁", *letters, *words]))]
    return tf.XLMRobertaTokenizer(vocab=list(dict(pieces).items()), model_max_length=POSITIONS - 4)


def bytes_of():
    """Byte pairs without a class of their own, as ModernBERT's."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, special_tokens=special, show_progress=False)
    trained.train_from_iterator([*TEXTS, *DOCUMENTS.values()], trainer)
    trained.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    return tf.PreTrainedTokenizerFast(
        tokenizer_object=trained, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", mask_token="[MASK]",
        model_max_length=1024, model_input_names=["input_ids", "attention_mask"],
    )


def qwen_bytes():
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trained.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    return tf.Qwen2Tokenizer(vocab=model["vocab"], merges=merges, model_max_length=1024)


def shape(**more):
    return dict(
        hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=INNER,
        max_position_embeddings=POSITIONS, initializer_range=0.4, **more,
    )


def bert(vocabulary):
    return tf.BertModel(tf.BertConfig(vocab_size=vocabulary, pad_token_id=0, **shape()))


def xlm_roberta(vocabulary):
    config = tf.XLMRobertaConfig(vocab_size=vocabulary, pad_token_id=1, type_vocab_size=1, layer_norm_eps=1e-5, **shape())
    return tf.XLMRobertaModel(config, add_pooling_layer=False)


def modernbert(vocabulary):
    return tf.ModernBertModel(tf.ModernBertConfig(
        vocab_size=vocabulary, pad_token_id=3, local_attention=12, hidden_size=32, num_attention_heads=4, intermediate_size=32,
        max_position_embeddings=1024, initializer_range=0.3, num_hidden_layers=4,
    ))


def qwen3(vocabulary):
    return tf.Qwen3Model(tf.Qwen3Config(
        vocab_size=vocabulary, hidden_size=32, num_attention_heads=4, num_key_value_heads=2, head_dim=8, intermediate_size=32,
        max_position_embeddings=1024, initializer_range=0.3, num_hidden_layers=2,
    ))


def lfm2(vocabulary):
    return tf.Lfm2Model(tf.Lfm2Config(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=1024, conv_L_cache=3, layer_types=["conv", "full_attention", "conv"], block_auto_adjust_ff_dim=False,
        initializer_range=0.3,
    ))


def shake(model, seed, by):
    """Norms and biases that are not ones and zeros."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if parameter.dim() == 1:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * by)


# PyLate: transformer, tokenizer, Dense layers (outputs, bias, activation, residual), settings
PYLATE = {
    "pylate-bert": (bert, wordpiece, [(8, False, "Identity", False)], dict(query_length=16, document_length=24)),
    "pylate-xlm-roberta": (
        xlm_roberta, unigram, [(24, True, "GELU", True), (8, False, "Identity", False)],
        dict(query_length=14, document_length=30, attend_to_expansion_tokens=True),
    ),
    "pylate-modernbert": (modernbert, bytes_of, [(8, False, "Identity", True)], dict(query_length=40, document_length=60, skiplist_words=[",", "cat"])),
    "pylate-plain": (
        bert, wordpiece, [(16, True, "Tanh", True)],
        dict(query_prefix="", document_prefix="", query_length=12, document_length=40, do_query_expansion=False, skiplist_words=[]),
    ),
    "pylate-qwen3": (qwen3, qwen_bytes, [(8, False, "Identity", False)], dict(query_length=24, document_length=50)),
    "pylate-lfm2": (lfm2, bytes_of, [(8, False, "Identity", False)], dict(query_length=24, document_length=50)),
}


def transformer(target, index, build, make_tokenizer, rows=0):
    """Saves a transformer with its tokenizer."""
    tokenizer = make_tokenizer()
    torch.manual_seed(700 + index)
    model = build(len(tokenizer) + rows)
    shake(model, 800 + index, 0.3)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def make_pylate(target, index, case):
    from pylate import models

    build, make_tokenizer, layers, settings = case
    source = target.with_name("source")
    transformer(source, index, build, make_tokenizer, rows=2)
    first = models.colbert.Transformer(str(source))
    modules, width = [first], first.get_word_embedding_dimension()
    for outputs, bias, activation, residual in layers:
        modules.append(models.Dense(width, outputs, bias=bias, activation_function=getattr(torch.nn, activation)(), use_residual=residual))
        width = outputs
    torch.manual_seed(900 + index)
    model = models.ColBERT(modules=modules, device="cpu", **settings)
    # The rows of new tokens are random and depend on more than the seed.
    with torch.no_grad():
        table = first.auto_model.get_input_embeddings().weight
        table[-2:] = torch.randn(table[-2:].shape, generator=torch.Generator().manual_seed(index)) * 0.4
    model.save(str(target), create_model_card=False)
    shutil.rmtree(source)


def make_stanford(target, index):
    transformer(target, index, bert, wordpiece)
    weights = load_file(target / "model.safetensors")
    weights = {f"bert.{name}": value for name, value in weights.items()}
    weights["linear.weight"] = torch.randn(8, WIDTH, generator=torch.Generator().manual_seed(index)) * 0.4
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    edit(target / "config.json", {"architectures": ["HF_ColBERT"]})
    metadata = {"query_token_id": "[unused0]", "doc_token_id": "[unused1]", "query_maxlen": 20, "doc_maxlen": 32, "mask_punctuation": True, "attend_to_mask_tokens": False, "dim": 8, "similarity": "cosine"}
    (target / "artifact.metadata").write_text(json.dumps(metadata, indent=1) + "\n")


def edit(path, values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values, indent=2) + "\n")


def encoder_bert(first):
    from sentence_transformers.base.modules import Normalize
    from sentence_transformers.base.modules.dense import Dense
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    first.query_expansion = {"strategy": "fixed", "attend": False, "length": 20}
    first.document_length = 30
    dense = Dense(WIDTH, 8, bias=False, activation_function=None, module_input_name="token_embeddings")
    return [first, dense, MultiVectorMask(skiplist_words=list(",.!?#")), Normalize(module_input_name="token_embeddings")], {"prompts": {"query": "[unused0] ", "document": "[unused1] "}}


def encoder_xlm_roberta(first):
    from sentence_transformers.base.modules.dense import Dense
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    first.query_length = 24
    first.query_expansion = {"strategy": "min", "attend": True, "length": 10, "token": "<pad>"}
    dense = Dense(WIDTH, 8, bias=True, module_input_name="token_embeddings")
    mask = MultiVectorMask(skiplist_words=[",", "(", "▁cat"], skiplist_tasks=["query", "document"])
    return [first, dense, mask], {"prompts": {"query": "the cat ", "passage": "a "}, "similarity_fn_name": "meanmaxsim"}


def encoder_modernbert(first):
    from sentence_transformers.base.modules import Normalize
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    # Some ids of tokens: of documents nothing else is kept.
    mask = MultiVectorMask(keep_only_token_ids=list(range(0, 300, 2)))
    return [first, Normalize(module_input_name="token_embeddings"), mask], {}


ENCODERS = {
    "encoder-bert": (bert, wordpiece, encoder_bert),
    "encoder-xlm-roberta": (xlm_roberta, unigram, encoder_xlm_roberta),
    "encoder-modernbert": (modernbert, bytes_of, encoder_modernbert),
}


def make_encoder(target, index, case):
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Transformer

    build, make_tokenizer, modules = case
    source = target.with_name("source")
    transformer(source, index, build, make_tokenizer)
    torch.manual_seed(900 + index)
    modules, settings = modules(Transformer(str(source)))
    model = MultiVectorEncoder(modules=modules, device="cpu", **settings)
    model.save_pretrained(str(target), create_model_card=False)
    shutil.rmtree(source)


class PyLate:
    def __init__(self, target):
        from pylate import models

        self.model = models.ColBERT(str(target), device="cpu", model_kwargs={"dtype": torch.float32})

    def vectors(self, text, is_query):
        # A text alone is computed without a mask by some classes.
        return self.model.encode([text, text], is_query=is_query, show_progress_bar=False, convert_to_tensor=True)[0]

    def score(self, query, document):
        from pylate.scores import colbert_scores

        return float(colbert_scores(query[None], document[None])[0, 0])

    def metrics(self):
        from pylate.evaluation import PyLateInformationRetrievalEvaluator
        from pylate.scores import SimilarityFunction

        functions = {"MaxSim": SimilarityFunction.to_similarity_fn("MaxSim")} if hasattr(SimilarityFunction, "to_similarity_fn") else None
        # Documents are padded with zeros, which a document of one chunk is not.
        evaluator = PyLateInformationRetrievalEvaluator(
            QUERIES, DOCUMENTS, JUDGED, corpus_chunk_size=1, batch_size=32, write_csv=False, score_functions=functions,
        )
        return evaluator(self.model)


class Encoder:
    def __init__(self, target):
        from sentence_transformers import MultiVectorEncoder

        self.model = MultiVectorEncoder(str(target), device="cpu", model_kwargs={"dtype": torch.float32})

    def vectors(self, text, is_query):
        return (self.model.encode_query if is_query else self.model.encode_document)(text, show_progress_bar=False)

    def score(self, query, document):
        return float(self.model.similarity([query], [document])[0, 0])

    def metrics(self):
        from sentence_transformers.multi_vector_encoder.evaluation import MultiVectorInformationRetrievalEvaluator

        evaluator = MultiVectorInformationRetrievalEvaluator(QUERIES, DOCUMENTS, JUDGED, batch_size=1, write_csv=False)
        return evaluator(self.model)


def expect(target, name, tool):
    tool = tool(target)
    queries = {key: tool.vectors(text, True) for key, text in QUERIES.items()}
    documents = {key: tool.vectors(text, False) for key, text in DOCUMENTS.items()}
    scores = {
        query: {document: float(f"{tool.score(vectors, others):.8g}") for document, others in documents.items()}
        for query, vectors in queries.items()
    }
    file = target / "expected.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    metrics = {key.split("_")[-1]: float(value) for key, value in tool.metrics().items() if key.endswith(("ndcg@10", "mrr@10"))}
    known[name] = {"metrics": metrics, "scores": scores}
    file.write_text(json.dumps(known, ensure_ascii=False) + "\n")
    some = {f"{name}.query.{at}": tool.vectors(text, True) for at, text in enumerate(TEXTS)}
    some |= {f"{name}.document.{at}": tool.vectors(text, False) for at, text in enumerate(TEXTS)}
    file = target / "expected.safetensors"
    known = load_file(file) if file.exists() else {}
    save_file(known | {key: value.detach().clone().contiguous() for key, value in some.items()}, file)


def tidy(target):
    for file in target.rglob("*"):
        if file.name in {"README.md", ".gitattributes"} or (file.name == "added_tokens.json" and (target / "tokenizer.json").exists()):
            file.unlink()


def main():
    step, folder, only = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    folder.mkdir(parents=True, exist_ok=True)
    wanted = lambda name: not only or name in only
    if step == "pylate":
        for index, (name, case) in enumerate(PYLATE.items()):
            if wanted(name):
                make_pylate(folder / name, index, case)
        if wanted("stanford"):
            make_stanford(folder / "stanford", 50)
        for name in filter(wanted, [*PYLATE, "stanford"]):
            expect(folder / name, "pylate", PyLate)
            tidy(folder / name)
            print(name)
        return
    for index, (name, case) in enumerate(ENCODERS.items()):
        if wanted(name):
            make_encoder(folder / name, 100 + index, case)
    for name in filter(wanted, [*PYLATE, "stanford", *ENCODERS]):
        expect(folder / name, "sentence-transformers", Encoder)
        tidy(folder / name)
        print(name)


main()
