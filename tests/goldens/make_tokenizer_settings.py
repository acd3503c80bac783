#!/usr/bin/env python3
"""Makes tokenizer_settings/: how sentence-transformers reads settings of tokenizers. See README.md.

    make_tokenizer_settings.py                        writes the folders and cases.json
    make_tokenizer_settings.py COUNT ADMIX [SEED]     holds ADMIX against sentence-transformers on COUNT random folders

A case is a base folder, what is changed in its files, and the embeddings that sentence-transformers gives for the texts. Bases are
tiny (random weights from fixed seeds). Needs sentence-transformers 6.2, transformers 5; no network.
"""

import json
import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="error")
warnings.filterwarnings("ignore")

import numpy as np
import torch
import transformers as tf
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).resolve().parent
OUT = HERE / "tokenizer_settings"
WIDTH = 8
POSITIONS = 40
TEXTS = [
    "The Cat sat on the mat",
    "Café NAÏVE 고양이가 매트 위에",
    "東京 北京",
    "",
    "  two  spaces ",
    "cat [MASK] mat<mask> sat [SEP] the </s> on <s> <|endoftext|> mat",
    "tok1 at Tok1 tok2tok2 <extra> cat",
    " ".join(["the cat sat on a mat 고양이"] * 4),
    " ".join(["a mat on the cat sat !"] * 12),
]
WORDS = "the cat sat on mat a The Cat cafe café naive 고양이 고양이가 매트 위에 東 京 北 東京 two spaces , ! c m s t".split()
PARTS = "##at ##s ##t ##가 ##京 ##f ##é".split()
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
XLM = ["<s>", "<pad>", "</s>", "<unk>"]


def around(made, first, last):
    tokens = [(token, made.token_to_id(token)) for token in (first, last) if token]
    single = " ".join(piece for piece in (first, "$A", last) if piece)
    pair = " ".join(piece for piece in (first, "$A", last, "$B", last) if piece)
    made.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=tokens)
    return made


def special(made, tokens):
    made.add_special_tokens(tokens)
    return made


def wordpiece(tokens, first, last, unknown="[UNK]"):
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys([*tokens, *WORDS, *PARTS]))}
    vocabulary.setdefault(unknown, len(vocabulary))
    made = Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
    made.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return around(special(made, tokens), first, last)


def bytes_of(tokens, first, last, prefix=False):
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    made.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(
            vocab_size=272 + len(tokens), special_tokens=tokens, show_progress=False,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        ),
    )
    return around(made, first, last) if first or last else made


def unigram():
    pieces = ["▁" + word for word in WORDS] + WORDS + ["▁", "at", "at", *"abcdefghnopstuvwz[]<>|/"]
    pieces = list(dict.fromkeys(pieces))
    scores = [(token, 0.0) for token in XLM] + [(piece, -2.0 - index / 10) for index, piece in enumerate(pieces)]
    made = Tokenizer(models.Unigram([*scores, ("<mask>", 0.0)], unk_id=3, byte_fallback=False))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return around(special(made, [*XLM, "<mask>"]), "<s>", "</s>")


def pieces_of_bytes(tokens, first, last):
    vocabulary = {token: index for index, token in enumerate([*tokens, *(f"<0x{byte:02X}>" for byte in range(256))])}
    letters = ["▁", *sorted({letter for text in TEXTS[:3] for letter in text if letter != " "})]
    for piece in letters:
        vocabulary.setdefault(piece, len(vocabulary))
    merges = [("▁", "t"), ("▁", "c"), ("a", "t"), ("▁c", "at"), ("▁t", "h"), ("▁th", "e"), ("▁", "m"), ("▁m", "at"), ("h", "e")]
    for left, right in merges:
        for piece in (left, right, left + right):
            vocabulary.setdefault(piece, len(vocabulary))
    made = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return around(special(made, tokens), first, last)


def shape(made, pad, **more):
    return dict(
        vocab_size=made.get_vocab_size() + 6, hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=POSITIONS, pad_token_id=made.token_to_id(pad), **more,
    )


def bert_like(name, tokens, first, last, pad):
    kinds = {
        "bert": (tf.BertModel, tf.BertConfig), "mpnet": (tf.MPNetModel, tf.MPNetConfig), "roberta": (tf.RobertaModel, tf.RobertaConfig),
        "xlm-roberta": (tf.XLMRobertaModel, tf.XLMRobertaConfig), "camembert": (tf.CamembertModel, tf.CamembertConfig),
        "electra": (tf.ElectraModel, tf.ElectraConfig),
    }
    model, config = kinds[name]
    return lambda made: model(config(**shape(made, pad)))


def distilbert(made):
    return tf.DistilBertModel(tf.DistilBertConfig(
        vocab_size=made.get_vocab_size() + 6, dim=WIDTH, n_layers=1, n_heads=2, hidden_dim=8, max_position_embeddings=POSITIONS, pad_token_id=0,
    ))


def decoder(model, config, pad, **more):
    return lambda made: model(config(**shape(made, pad, num_key_value_heads=1, head_dim=4, **more)))


LLAMA = ["<unk>", "<s>", "</s>"]
GEMMA = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
QWEN = ["<|endoftext|>", "<|im_start|>"]
BASES = {
    "bert": (lambda: wordpiece(BERT, "[CLS]", "[SEP]"), bert_like("bert", *[None] * 3, "[PAD]"), "BertTokenizer"),
    "distilbert": (lambda: wordpiece(BERT, "[CLS]", "[SEP]"), distilbert, "DistilBertTokenizer"),
    "mpnet": (lambda: wordpiece([*ROBERTA, "[UNK]"], "<s>", "</s>"), bert_like("mpnet", *[None] * 3, "<pad>"), "MPNetTokenizer"),
    "roberta": (lambda: bytes_of(ROBERTA, "<s>", "</s>"), bert_like("roberta", *[None] * 3, "<pad>"), "RobertaTokenizer"),
    "xlm-roberta": (unigram, bert_like("xlm-roberta", *[None] * 3, "<pad>"), "XLMRobertaTokenizer"),
    "camembert": (unigram, bert_like("camembert", *[None] * 3, "<pad>"), "CamembertTokenizer"),
    "modernbert": (
        lambda: bytes_of(BERT, "[CLS]", "[SEP]"),
        lambda made: tf.ModernBertModel(tf.ModernBertConfig(**shape(made, "[PAD]"), local_attention=8)), "PreTrainedTokenizerFast",
    ),
    "llama": (lambda: pieces_of_bytes(LLAMA, "<s>", None), decoder(tf.LlamaModel, tf.LlamaConfig, "<unk>"), "LlamaTokenizer"),
    "mistral": (lambda: pieces_of_bytes(LLAMA, "<s>", None), decoder(tf.MistralModel, tf.MistralConfig, "<unk>"), "LlamaTokenizer"),
    "qwen2": (lambda: bytes_of(QWEN, None, None), lambda made: tf.Qwen2Model(tf.Qwen2Config(**shape(made, QWEN[0], num_key_value_heads=1))), "Qwen2Tokenizer"),
    "qwen3": (lambda: bytes_of(QWEN, None, QWEN[0]), decoder(tf.Qwen3Model, tf.Qwen3Config, QWEN[0]), "Qwen2Tokenizer"),
    "gemma3_text": (
        lambda: pieces_of_bytes(GEMMA, "<bos>", "<eos>"), decoder(tf.Gemma3TextModel, tf.Gemma3TextConfig, "<pad>"), "GemmaTokenizer",
    ),
}
TOKENS = {
    "bert": dict(zip(["pad_token", "unk_token", "cls_token", "sep_token", "mask_token"], BERT)),
    "mpnet": dict(pad_token="<pad>", unk_token="[UNK]", cls_token="<s>", sep_token="</s>", mask_token="<mask>", bos_token="<s>", eos_token="</s>"),
    "roberta": dict(pad_token="<pad>", unk_token="<unk>", cls_token="<s>", sep_token="</s>", mask_token="<mask>", bos_token="<s>", eos_token="</s>"),
    "llama": dict(unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<unk>"),
    "qwen2": dict(pad_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token=None, bos_token=None),
    "gemma3_text": dict(pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>", mask_token="<mask>"),
}
TOKENS.update(
    {"distilbert": TOKENS["bert"], "modernbert": TOKENS["bert"], "xlm-roberta": TOKENS["roberta"], "camembert": TOKENS["roberta"]},
    mistral=TOKENS["llama"], qwen3=TOKENS["qwen2"],
)


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def base(folder, name):
    make, model, kind = BASES[name]
    made = make()
    folder.mkdir(parents=True)
    torch.manual_seed(sorted(BASES).index(name))
    model = model(made).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.4 * torch.randn(parameter.shape)
    model.to(torch.float16).save_pretrained(folder)
    write(folder / "tokenizer.json", json.loads(made.to_str()))
    write(folder / "tokenizer_config.json", {"tokenizer_class": kind, **TOKENS[name], "model_max_length": 30})
    write(folder / "sentence_bert_config.json", {"max_seq_length": 32, "do_lower_case": False})
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling")]
    listed = [dict(idx=n, name=str(n), path=path, type=f"sentence_transformers.models.{kind}") for n, (path, kind) in enumerate(kinds)]
    write(folder / "modules.json", listed)
    (folder / "1_Pooling").mkdir()
    write(folder / "1_Pooling/config.json", {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True})


def change(folder, edits):
    """Sets keys of files; a key whose value is the string `absent` is removed, and a file that is not there is made."""
    for name, keys in edits.items():
        path = folder / name
        value = json.loads(path.read_text()) if path.exists() else {}
        for key, new in keys.items():
            *outer, last = key.split("/")
            at = value
            for step in outer:
                at = at[step]
            if new == "absent":
                at.pop(last, None)
            else:
                at[last] = new
        write(path, value)


def expected(folder):
    """Embeddings of texts, queries and documents; None where sentence-transformers fails."""
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    if any("message" in str(modality) for modality in [model[0].modalities]):
        return None
    # A text without a token is none that every class takes.
    def embed(call):
        rows = []
        for text in TEXTS:
            try:
                rows.append([round(float(value), 5) for value in call([text])[0]])
            except (RuntimeError, IndexError):
                rows.append(None)
        return rows
    return {"plain": embed(model.encode), "query": embed(model.encode_query)}


# The special tokens of XLM-R, for classes that have others.
NAMED = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>"}
CASES = {
    "bert": ("bert", {}),
    "bert-cased": ("bert", {"tokenizer_config.json": {"do_lower_case": False}}),
    "bert-accents": ("bert", {"tokenizer_config.json": {"strip_accents": True, "tokenize_chinese_chars": False}}),
    "bert-accents-of-module": ("bert", {"sentence_bert_config.json": {"tokenizer_args": {"strip_accents": True, "do_lower_case": False}}}),
    "bert-left": ("bert", {"tokenizer_config.json": {"truncation_side": "left", "padding_side": "left"}}),
    "bert-left-of-tokenizer": (
        "bert",
        {"tokenizer.json": {"truncation": {"direction": "Left", "max_length": 9, "strategy": "LongestFirst", "stride": 0}}},
    ),
    "bert-added": (
        "bert",
        {"tokenizer_config.json": {
            "added_tokens_decoder": {
                **{str(index): dict(content=token, special=True, normalized=False, lstrip=False, rstrip=False, single_word=False)
                   for index, token in enumerate(BERT)},
                "39": dict(content="tok1", special=False, normalized=True, lstrip=False, rstrip=False, single_word=False),
                "40": dict(content="tok2", special=False, normalized=False, lstrip=False, rstrip=False, single_word=True),
            },
        }},
    ),
    "bert-split": ("bert", {"tokenizer_config.json": {"split_special_tokens": True}}),
    "bert-lengths": ("bert", {"sentence_bert_config.json": {"query_length": 6, "document_length": 9}}),
    "bert-called": ("bert", {"sentence_bert_config.json": {"processing_kwargs": {"text": {"max_length": 7}}}}),
    "bert-no-class": ("bert", {"tokenizer_config.json": {"tokenizer_class": "absent"}}),
    "roberta": ("roberta", {}),
    "roberta-prefix": ("roberta", {"tokenizer_config.json": {"add_prefix_space": True}}),
    "xlm-roberta-prefix": ("xlm-roberta", {"tokenizer_config.json": {"add_prefix_space": False}}),
    "qwen2-eos": ("qwen2", {"tokenizer_config.json": {"add_eos_token": True, "padding_side": "left"}}),
    "bert-added-file": ("bert", {"added_tokens.json": {"tok1": 300}}),
    "bert-extra-named": ("bert", {"tokenizer_config.json": {"extra_special_tokens": {"own_token": "tok1"}}}),
    "xlm-roberta-prefix-null": ("xlm-roberta", {"tokenizer_config.json": {"add_prefix_space": None}}),
    "xlm-roberta-t5": ("xlm-roberta", {"tokenizer_config.json": {"tokenizer_class": "T5Tokenizer"}}),
    "xlm-roberta-albert": ("xlm-roberta", {"tokenizer_config.json": {"tokenizer_class": "AlbertTokenizer", **NAMED}}),
    "xlm-roberta-albert-cased": (
        "xlm-roberta",
        {"tokenizer_config.json": {
            "tokenizer_class": "AlbertTokenizerFast", "keep_accents": True, "do_lower_case": False, "add_prefix_space": False, **NAMED,
        }},
    ),
    "xlm-roberta-deberta": ("xlm-roberta", {"tokenizer_config.json": {"tokenizer_class": "DebertaV2Tokenizer", **NAMED}}),
    "xlm-roberta-deberta-split": (
        "xlm-roberta",
        {"tokenizer_config.json": {
            "tokenizer_class": "DebertaV2TokenizerFast", "split_by_punct": True, "do_lower_case": True, "add_prefix_space": False, **NAMED,
        }},
    ),
    "qwen2-uncut": ("qwen2", {"sentence_bert_config.json": {"processing_kwargs": {"text": {"truncation": False}}}}),
    "qwen2-long": ("qwen2", {"sentence_bert_config.json": {"max_seq_length": 200}}),
}


def goldens():
    shutil.rmtree(OUT, ignore_errors=True)
    for name in sorted({name for name, _ in CASES.values()}):
        base(OUT / name, name)
    cases = []
    for name, (of, edits) in CASES.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "model"
            shutil.copytree(OUT / of, folder)
            change(folder, edits)
            cases.append({"name": name, "base": of, "edits": edits, "expected": expected(folder)})
    (OUT / "texts.json").write_text(json.dumps(TEXTS, ensure_ascii=False, indent=1) + "\n")
    (OUT / "cases.json").write_text("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")


def of(chance, value):
    return {value[0]: value[1]} if chance else {}


def random_edits(draw, name):
    """Some settings, each with a small chance."""
    pick = lambda *values: draw.choice(values)
    config, module, file, more = {}, {}, {}, {}
    options = {
        "do_lower_case": (True, False, None), "strip_accents": (True, False, None), "tokenize_chinese_chars": (True, False),
        "add_prefix_space": (True, False, None), "truncation_side": ("left", "right"), "padding_side": ("left", "right"),
        "model_max_length": (12, 30, 38, 1000000, 10**30, "absent"), "add_bos_token": (True, False), "add_eos_token": (True, False),
        "split_special_tokens": (True, False), "legacy": (True, False, None), "clean_up_tokenization_spaces": (True, False),
        "tokenizer_class": (
            "absent", BASES[name][2] + "Fast", "PreTrainedTokenizerFast", "TokenizersBackend", "BertTokenizer", "RobertaTokenizer",
            "XLMRobertaTokenizer", "LlamaTokenizer", "Qwen2Tokenizer", "GPT2Tokenizer", "ElectraTokenizer", "MPNetTokenizer",
        ),
        "added_tokens_decoder": (
            {str(100 if name == "none" else 5): dict(content="tok1", special=False, normalized=True, lstrip=True, rstrip=False, single_word=False)},
            {"300": dict(content="<extra>", special=True, normalized=False, lstrip=False, rstrip=True, single_word=False)},
            {"300": dict(content="Tok1", special=False, normalized=draw.random() < 0.5, lstrip=False, rstrip=False, single_word=True)},
        ),
        "additional_special_tokens": (["<extra>"], ["tok1", "cat"], []), "extra_special_tokens": (["<extra>"], {"image_token": "<extra>"}),
        "mask_token": ("absent", None, dict(content="<mask>", lstrip=True, rstrip=False, normalized=False, single_word=False, __type="AddedToken")),
        "cls_token": ("absent",), "sep_token": ("absent",), "pad_token": ("absent",), "unk_token": ("absent", "the"), "bos_token": ("absent", None),
        "eos_token": ("absent", "mat"), "use_fast": (True,), "do_basic_tokenize": (False,), "never_split": (["cat"],),
    }
    for key in draw.sample(sorted(options), draw.choice([0, 1, 1, 2, 2, 3, 4])):
        config[key] = pick(*options[key])
    arguments = {key: pick(*options[key]) for key in draw.sample(["do_lower_case", "strip_accents", "add_prefix_space", "truncation_side", "model_max_length", "padding_side"], draw.choice([0, 0, 1, 2]))}
    arguments = {key: value for key, value in arguments.items() if value != "absent"}
    if arguments:
        module[pick("tokenizer_args", "processor_kwargs")] = arguments
    modules = {
        "max_seq_length": (8, 30, 38, 200, None, "absent"), "do_lower_case": (True, False), "query_length": (6, 50), "document_length": (9,),
        "processing_kwargs": ({"text": {"max_length": 7}}, {"common": {"padding_side": "left"}}, {"text": {"truncation": False}}, {"text": {"add_special_tokens": False}}, {"text": {"max_length": 8}, "common": {"max_length": 6}}, {"text": {"truncation": "only_first"}}),
    }
    for key in draw.sample(sorted(modules), draw.choice([0, 0, 1, 1, 2])):
        module[key] = pick(*modules[key])
    truncation = dict(direction=pick("Left", "Right"), max_length=9, strategy="LongestFirst", stride=0)
    padding = dict(strategy=pick("BatchLongest", {"Fixed": 12}), direction=pick("Left", "Right"), pad_to_multiple_of=pick(None, 8), pad_id=0, pad_type_id=0, pad_token="[PAD]")
    kinds = {
        "truncation": (truncation,), "padding": (padding,), "normalizer": (None, {"type": "Lowercase"}, {"type": "NFKC"}, {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]}),
        "pre_tokenizer": (None, {"type": "Whitespace"}), "post_processor": (None,), "model/unk_token": ("the", "absent"), "model/dropout": (0.0,),
        "model/ignore_merges": (True,), "model/byte_fallback": (True, False), "model/fuse_unk": (True,),
    }
    for key in draw.sample(sorted(kinds), draw.choice([0, 0, 0, 1, 1, 2])):
        file[key] = pick(*kinds[key])
    if draw.random() < 0.15:
        more["special_tokens_map.json"] = pick({"unk_token": "the"}, {"mask_token": dict(content="<mask>", lstrip=True, rstrip=True, normalized=False, single_word=False)}, {"additional_special_tokens": ["<extra>"]}, {"cls_token": {"content": "cat"}})
    if draw.random() < 0.08:
        more["config.json"] = pick({"tokenizer_class": "BertTokenizer"}, {"tokenizer_class": "PreTrainedTokenizerFast"})
    if draw.random() < 0.06:
        more["added_tokens.json"] = {"tok1": 300}
    found = {"tokenizer_config.json": config, "sentence_bert_config.json": module, "tokenizer.json": file, **more}
    return {name: keys for name, keys in found.items() if keys}


def embedded(admix, folder, task):
    command = [admix, "embed", str(folder), "-q", "--force", "-o", str(folder / "out.npy"), *task]
    run = subprocess.run(command, input="\n".join(TEXTS) + "\n", capture_output=True, text=True, timeout=100)
    return run, np.load(folder / "out.npy") if run.returncode == 0 else None


def distances(found, right):
    return np.array([0 if row is None else np.abs(one - np.array(row)).max() for one, row in zip(found, right)])


def compare(count, admix, seed):
    draw = random.Random(seed)
    tally, refusals = {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        for name in BASES:
            base(scratch / name, name)
        for number in range(count):
            name = draw.choice(sorted(BASES))
            edits = random_edits(draw, name)
            folder = scratch / "model"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(scratch / name, folder)
            change(folder, edits)
            try:
                right = expected(folder)
            except Exception as error:
                right = f"{type(error).__name__}: {error}"
            run, found = embedded(admix, folder, [])
            shown = f"{number} {name} {json.dumps(edits, ensure_ascii=False)}"
            if found is None and run.returncode != 3:
                outcome = f"exit {run.returncode}"
                print(outcome, shown, run.stderr[:600])
            elif found is None:
                outcome = "both refuse" if not isinstance(right, dict) else "refused"
                if outcome == "refused":
                    print("refused", shown, run.stderr.split("model", 2)[-1].strip()[:300])
            elif not isinstance(right, dict):
                outcome = "theirs fails"
            else:
                off = distances(found, right["plain"])
                outcome = "alike" if off.max() < 1e-4 else "differ"
                if outcome == "differ":
                    print("DIFFER", shown, "texts", [n for n, d in enumerate(off) if d >= 1e-4], run.stderr.strip()[:300])
                elif edits.get("sentence_bert_config.json", {}).keys() & {"query_length", "processing_kwargs"}:
                    _, found = embedded(admix, folder, ["--prompt-name", "query"])
            tally[outcome] = tally.get(outcome, 0) + 1
            sys.stdout.flush()
    print(tally)


if __name__ == "__main__":
    logging.disable(logging.ERROR)
    if len(sys.argv) > 2:
        compare(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    else:
        goldens()
