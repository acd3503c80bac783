"""Tiny random rerankers of every class, candidates, and what sentence-transformers makes of them.

usage: make_rerankers.py FOLDER [CASE ...]     (needs sentence-transformers 6, transformers 5, tokenizers)

FOLDER gets a model folder for each case, a data set in BEIR's form (`data`), a first stage's ranking of some of its documents
(`candidates.run`), and in each case `expected.json`: CrossEncoder's score of every pair of the ranking and of the relevant documents
that it missed, and what CrossEncoderRerankingEvaluator says, with and without those. The weights come from fixed seeds, so that
running it again gives the same files.
"""

import json
import random
import sys
from pathlib import Path

import torch
import transformers as tf
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.evaluation import CrossEncoderRerankingEvaluator
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from make_encoders import BERT, LONG, POSITIONS, ROBERTA, TEXTS, WORDS, edit, shake, shape, wide, wordpiece

LONGEST = POSITIONS - 8
TOP = 12


def bert_tokenizer(longest):
    vocabulary = {word: number for number, word in enumerate(BERT["order"] + [word for word in dict.fromkeys(WORDS)])}
    return tf.BertTokenizer(vocab=vocabulary, strip_accents=False, tokenize_chinese_chars=False, model_max_length=longest)


def unigram(longest):
    pieces = [(piece, 0.0) for piece in ["<s>", "<pad>", "</s>", "<unk>"]]
    words = list(dict.fromkeys(word.removeprefix("##") for word in WORDS))
    pieces += [("▁" + word, -2.0 - 0.01 * number) for number, word in enumerate(words)]
    letters = sorted({letter for text in [*TEXTS, *WORDS] for letter in text if not letter.isspace()} - {"▁"})
    pieces += [(piece, -5.0 - 0.01 * number) for number, piece in enumerate(dict.fromkeys(["▁", *letters, *words]))]
    return tf.XLMRobertaTokenizer(vocab=list(dict(pieces).items()), model_max_length=longest)


def bytes_of(longest):
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=special, show_progress=False)
    trained.train_from_iterator(TEXTS, trainer)
    model = json.loads(trained.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    return tf.RobertaTokenizer(vocab=model["vocab"], merges=merges, model_max_length=longest)


def plain(longest):
    """As ModernBERT's: no class of its own, and no token types."""
    return wordpiece(BERT, longest=longest)[0]


def bert(tokens, **more):
    return tf.BertForSequenceClassification(tf.BertConfig(vocab_size=len(tokens), pad_token_id=0, num_labels=1, **shape(), **more))


def xlm_roberta(tokens):
    return tf.XLMRobertaForSequenceClassification(tf.XLMRobertaConfig(
        vocab_size=len(tokens), pad_token_id=1, type_vocab_size=1, num_labels=1, layer_norm_eps=1e-5, **shape(),
    ))


def roberta(tokens):
    return tf.RobertaForSequenceClassification(tf.RobertaConfig(
        vocab_size=len(tokens), pad_token_id=1, type_vocab_size=1, num_labels=1, layer_norm_eps=1e-5, **shape(),
    ))


def distilbert(tokens):
    return tf.DistilBertForSequenceClassification(tf.DistilBertConfig(
        vocab_size=len(tokens), pad_token_id=0, num_labels=1, dim=16, n_layers=2, n_heads=2, hidden_dim=32,
        max_position_embeddings=POSITIONS,
    ))


def modernbert(pooling):
    def build(tokens):
        return tf.ModernBertForSequenceClassification(tf.ModernBertConfig(
            vocab_size=len(tokens), pad_token_id=0, num_labels=1, local_attention=24, classifier_pooling=pooling,
            classifier_bias=pooling == "cls", norm_bias=pooling == "cls", **wide(),
        ))

    return build


def gte(tokens):
    return tf.GteForSequenceClassification(tf.GteConfig(
        vocab_size=len(tokens), pad_token_id=1, num_labels=1, rope_parameters={"rope_type": "default", "rope_theta": 1000.0}, **wide(),
    ))


def electra(tokens):
    return tf.ElectraForSequenceClassification(tf.ElectraConfig(
        vocab_size=len(tokens), pad_token_id=0, num_labels=1, embedding_size=12, **shape(),
    ))


def albert(tokens):
    return tf.AlbertForSequenceClassification(tf.AlbertConfig(
        vocab_size=len(tokens), pad_token_id=0, num_labels=1, embedding_size=12, **shape(),
    ))


def deberta(tokens):
    return tf.DebertaV2ForSequenceClassification(tf.DebertaV2Config(
        vocab_size=len(tokens), pad_token_id=0, num_labels=1, type_vocab_size=0, relative_attention=True, position_buckets=8,
        pos_att_type=["p2c", "c2p"], position_biased_input=False, share_att_key=True, norm_rel_ebd="layer_norm", pooler_hidden_size=16,
        **shape(),
    ))


def mpnet(tokens):
    return tf.MPNetForSequenceClassification(tf.MPNetConfig(
        vocab_size=len(tokens), pad_token_id=1, num_labels=1, layer_norm_eps=1e-5, **shape(),
    ))


def mpnet_tokenizer(longest):
    vocabulary = {word: number for number, word in enumerate(ROBERTA["order"] + [word for word in dict.fromkeys(WORDS)])}
    return tf.MPNetTokenizer(vocab=vocabulary, unk_token="<unk>", model_max_length=longest)


INSTRUCTION = "Given a web search query, retrieve relevant passages that answer the query"
BEFORE = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. "
    'Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
)
AFTER = "<|im_end|>\n<|im_start|>assistant\n"
THINKING = "<think>\n\n</think>\n\n"
# With roles for a pair, as rerankers that sentence-transformers loads have them.
TEMPLATE = """{%- set instruct = messages | selectattr("role", "eq", "system") | map(attribute="content") | first -%}
{{- '""" + BEFORE.replace("\n", "\\n") + """<Instruct>: ' + (instruct or '""" + INSTRUCTION + """') }}
{%- for message in messages %}
    {%- if message.role == "query" %}
        {{- '\\n<Query>: ' + message.content }}
    {%- elif message.role == "document" %}
        {{- '\\n<Document>: ' + message.content.strip() }}
    {%- endif %}
{%- endfor %}
{{- '""" + AFTER.replace("\n", "\\n") + """' if add_generation_prompt else eos_token }}
{%- if add_generation_prompt %}{{ '""" + THINKING.replace("\n", "\\n") + """' }}{% endif %}
"""


def chat(longest):
    """Byte pairs with the words and marks that Qwen's rerankers read."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*TEXTS, *[BEFORE + INSTRUCTION + AFTER + THINKING + "<Instruct>: \n<Query>: \n<Document>: yes no"] * 40]
    trained.train_from_iterator(words, trainers.BpeTrainer(vocab_size=560, initial_alphabet=alphabet, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    tokenizer = tf.Qwen2Tokenizer(vocab=model["vocab"], merges=merges, model_max_length=longest, padding_side="left")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.add_tokens(["yes", "no", "<think>", "</think>"])
    return tokenizer


def ended(longest):
    """With the padding token at the end of every pair, which the head does not read."""
    tokenizer = chat(longest)
    end = tokenizer.eos_token
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {end}", pair=f"$A {end} $B {end}", special_tokens=[(end, tokenizer.eos_token_id)],
    )
    return tokenizer


def decoder(kind, config, **more):
    """A decoder of two layers; `kind` says what stands behind it."""

    def build(tokens):
        tf.set_seed(0)
        made = config(
            vocab_size=len(tokens), pad_token_id=tokens.pad_token_id, num_key_value_heads=2, num_labels=1,
            **{**wide(num_hidden_layers=2), **more},
        )
        return kind(made)

    return build


def with_template(target):
    """As sentence-transformers saves a reranker that reads the logits of two tokens, with an instruction of its own."""
    kwargs = {"chat_template": {"add_generation_prompt": True}}
    model = CrossEncoder(str(target), device="cpu", processor_kwargs={"chat_template": TEMPLATE}, prompts={"ask": "Is it near?"},
                         default_prompt_name="ask")
    model[0].processing_kwargs = kwargs
    model.save_pretrained(str(target), create_model_card=False)


def beside(target):
    """The template alone, in the file beside the tokenizer; the end of the text is the model's own token."""
    (target / "chat_template.jinja").write_text(TEMPLATE)


def as_published(target):
    """Without a template, as Qwen3-Reranker was published."""


def older(target):
    """As sentence-transformers before version 4 wrote it: the activation in config.json, and no file of its own."""
    edit(target / "config.json", {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"})


# name: model, tokenizer, longest pair, what happens to the saved folder (None: saved by transformers)
CASES = {
    "bert": (bert, bert_tokenizer, LONGEST, None),
    "xlm-roberta": (xlm_roberta, unigram, LONGEST, None),
    "roberta": (roberta, bytes_of, LONGEST, older),
    "distilbert": (distilbert, plain, LONGEST, None),
    "modernbert": (modernbert("mean"), plain, 200, None),
    "modernbert-cls": (modernbert("cls"), plain, 1024, "saved"),
    "gte": (gte, unigram, 1024, None),
    "electra": (electra, bert_tokenizer, LONGEST, None),
    "albert": (albert, plain, LONGEST, None),
    "deberta-v2": (deberta, plain, LONGEST, None),
    "mpnet": (mpnet, mpnet_tokenizer, LONGEST, None),
    "qwen3-logits": (decoder(tf.Qwen3ForCausalLM, tf.Qwen3Config, head_dim=16, tie_word_embeddings=True), chat, 260, with_template),
    "qwen2-logits": (decoder(tf.Qwen2ForCausalLM, tf.Qwen2Config, tie_word_embeddings=False), chat, 1024, beside),
    "qwen3-published": (decoder(tf.Qwen3ForCausalLM, tf.Qwen3Config, head_dim=16, tie_word_embeddings=True), chat, 280, as_published),
    "qwen3-score": (decoder(tf.Qwen3ForSequenceClassification, tf.Qwen3Config, head_dim=16), chat, 200, None),
    "llama-score": (decoder(tf.LlamaForSequenceClassification, tf.LlamaConfig), ended, 200, None),
    "gemma2-score": (
        decoder(tf.Gemma2ForSequenceClassification, tf.Gemma2Config, head_dim=16, query_pre_attn_scalar=16, sliding_window=32), chat, 200,
        "saved",
    ),
}


def texts(count, longest, generator):
    return [" ".join(generator.choices(WORDS[:22], k=generator.randint(1, longest))) for _ in range(count)]


def make_data(folder):
    generator = random.Random(7)
    # The readers of BEIR folders strip documents.
    queries = ["고양이가 매트 위에", "the cat", *texts(4, 8, generator), *texts(2, 40, generator)]
    documents = [*(text.strip() for text in TEXTS if text), *texts(20, 50, generator), LONG[1], LONG[2]]
    data = folder / "data"
    (data / "qrels").mkdir(parents=True, exist_ok=True)

    def lines(prefix, texts):
        rows = ({"_id": f"{prefix}{at}", "title": "", "text": text} for at, text in enumerate(texts))
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    (data / "corpus.jsonl").write_text(lines("d", documents))
    (data / "queries.jsonl").write_text(lines("q", queries))
    judged, run = {}, {}
    for at in range(len(queries)):
        order = generator.sample(range(len(documents)), len(documents))
        run[f"q{at}"] = [f"d{document}" for document in order[:TOP]]
        # Of the last query's relevant documents the first stage finds none.
        relevant = order[TOP : TOP + 2] if at + 1 == len(queries) else [order[3], order[TOP], order[generator.randrange(5, TOP)]]
        judged[f"q{at}"] = [f"d{document}" for document in relevant]
    rows = [f"{query}\t{document}\t1\n" for query, found in judged.items() for document in found]
    (data / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    ranked = [(query, document, rank) for query, found in run.items() for rank, document in enumerate(found, 1)]
    (folder / "candidates.run").write_text("".join(f"{q} Q0 {d} {rank} {100 - rank} first\n" for q, d, rank in ranked))
    named = {f"q{at}": text for at, text in enumerate(queries)} | {f"d{at}": text for at, text in enumerate(documents)}
    return named, judged, run


class Published:
    """What the model card of Qwen3-Reranker does, in place of `CrossEncoder`."""

    def __init__(self, target):
        self.tokenizer = tf.AutoTokenizer.from_pretrained(target, padding_side="left")
        self.model = tf.AutoModelForCausalLM.from_pretrained(target, dtype=torch.float32).eval()
        self.max_seq_length = self.tokenizer.model_max_length
        self.model_card_data = None

    @torch.no_grad()
    def predict(self, pairs, **_):
        ids = lambda text: self.tokenizer.encode(text, add_special_tokens=False)
        before, after = ids(BEFORE), ids(AFTER + THINKING)
        found = []
        for query, document in pairs:
            text = f"<Instruct>: {INSTRUCTION}\n<Query>: {query}\n<Document>: {document}"
            tokens = before + ids(text)[: self.max_seq_length - len(before) - len(after)] + after
            logits = self.model(torch.tensor([tokens])).logits[0, -1]
            answers = logits[self.tokenizer.convert_tokens_to_ids(["no", "yes"])]
            found.append(float(torch.softmax(answers, dim=0)[1]))
        return found


def expected(target, data):
    named, judged, run = data
    if target.name == "qwen3-published":
        model = Published(target)
        scores = {
            query: {d: model.predict([(named[query], named[d])])[0] for d in dict.fromkeys(found + judged[query])}
            for query, found in run.items()
        }
        result = {"max_seq_length": model.max_seq_length, "scores": scores, "with_positives": {}}
        (target / "expected.json").write_text(json.dumps(result, indent=1) + "\n")
        return
    model = CrossEncoder(str(target), device="cpu", model_kwargs={"dtype": torch.float32})
    scores = {}
    for query, found in run.items():
        documents = list(dict.fromkeys(found + judged[query]))
        values = [float(model.predict([(named[query], named[document])], show_progress_bar=False)[0]) for document in documents]
        scores[query] = dict(zip(documents, values))
    result = {"max_seq_length": model.max_seq_length, "scores": scores}
    for name, always in [("with_positives", True), ("as_found", False)]:
        samples = [
            {"query": named[query], "positive": [named[d] for d in judged[query]], "documents": [named[d] for d in found]}
            for query, found in run.items()
        ]
        evaluator = CrossEncoderRerankingEvaluator(samples, always_rerank_positives=always, write_csv=False, batch_size=1)
        result[name] = {key: float(value) for key, value in evaluator(model).items()}
    (target / "expected.json").write_text(json.dumps(result, indent=1) + "\n")


def make(folder, index, name, data):
    build, make_tokenizer, longest, finish = CASES[name]
    tokenizer = make_tokenizer(longest)
    torch.manual_seed(index)
    model = build(tokenizer)
    shake(model, 500 + index, 0.3)
    target = folder / name
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    if finish == "saved":
        CrossEncoder(str(target), device="cpu").save_pretrained(str(target), create_model_card=False)
    elif finish is not None:
        finish(target)
    expected(target, data)
    for file in target.rglob("*"):
        if file.name in {"README.md", "added_tokens.json", ".gitattributes"}:
            file.unlink()


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    data = make_data(folder)
    for index, name in enumerate(CASES):
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        make(folder, index, name, data)
        print(name)


if __name__ == "__main__":
    main()
