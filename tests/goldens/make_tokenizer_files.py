"""Folders with the vocabulary files that older models have instead of a tokenizer.json, and what transformers makes of them.

usage: make_tokenizer_files.py     (needs transformers 5, tokenizers, sentencepiece, protobuf)

Writes tokenizer_files/: `texts.json`, and for each class a folder with its vocabulary, its configurations, one tensor that stands for
the weights, and `expected.safetensors`: for each text a hash of the numbers of its tokens (FNV-1a of 64 bits over 32-bit numbers).
Vocabularies are trained on a few hundred of the texts. A second run writes the same bytes.
"""

import json
import random
import shutil
from collections import Counter
from pathlib import Path

import sentencepiece
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer

HERE = Path(__file__).resolve().parent / "tokenizer_files"
COUNT = 2100

KOREAN = """서울의 날씨는 어떤가요 오늘은 맑고 내일은 비가 옵니다 대한민국의 수도는 서울이다 부산은 항구 도시이다 검색 모델을 병합하면 한국어 질문과 영어 문서를 함께 찾을
수 있다 김치찌개를 끓이는 방법 세종대왕이 만들었으며 자음과 모음으로 이루어진다 안녕하세요 ㅋㅋㅋ ㅠㅠ ㄱㄴㄷ 뷁 쀍 값비싼 닭볶음탕 훈민정음 해례본""".split()
ENGLISH = """The weather in Seoul is mild autumn retrieval models map queries and passages to vectors Café naïve résumé learning engineers compare
checkpoints before merging them don't it's U.S.A. e-mail state-of-the-art HELLO World iPhone 3.14 1,234 2024-05-01 C++ x²""".split()
OTHERS = """😀 👨‍👩‍👧‍👦 🇰🇷 🚀 ❤️ ☕ 👍🏽 東京は日本の首都です 北京 مرحبا हिन्दी ไทย Ångström ﬁne ①②③ ｆｕｌｌ ½ ™ … — “quoted” ‘it’ ``a'' ''b``
[MASK] </s> <s> [SEP] <pad> <extra_id_0> <unk> ## ##at _ ▁ ▁▁x http://a.b/c?d=e&f#g #해시태그 @name a@b.co (괄호) {x} ~!@#$%^&*""".split()
OTHERS += ["\u1112\u1161\u11ab\u1100\u116e\u11a8", "zero\u200bwidth", "soft\u00adhyphen", "a\u0301", "e\u0301\u0323", "x" * 120]
GAPS = [" ", " ", " ", " ", "  ", "\t", "\n", "", ", ", ". ", "\u00a0", "\u3000", " - "]


def texts():
    draw = random.Random(5)
    made = ["", " ", "a", "한", "\n\t ", " leading", "trailing ", "  both  sides  "]
    while len(made) < COUNT:
        words = draw.choice([KOREAN, ENGLISH, OTHERS, KOREAN + ENGLISH, KOREAN + ENGLISH + OTHERS])
        text = ""
        for word in draw.choices(words, k=draw.randint(1, 9)):
            text += (word.upper() if draw.random() < 0.05 else word) + draw.choice(GAPS)
        made.append(text)
    return made


TEXTS = texts()
CORPUS = [text for text in TEXTS[8:800]]


def lines(folder, lower):
    """A vocab.txt of the commonest characters, words and ends of words, with a token that is there twice and one with a space behind it."""
    steps = normalizers.BertNormalizer(lowercase=lower)
    split = pre_tokenizers.BertPreTokenizer()
    words = [word for text in CORPUS for word, _ in split.pre_tokenize_str(steps.normalize_str(text))]
    counts = [Counter(), Counter(), Counter()]
    for word in words:
        counts[0].update(word)
        counts[1][word] += 1
        counts[2].update("##" + word[at:] for at in range(1, len(word)))
    def common(count, most):
        return [token for token, _ in sorted(count.items(), key=lambda entry: (-entry[1], entry[0]))[:most]]
    letters = common(counts[0], 190)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    for token in [*letters, *("##" + letter for letter in letters), *common(counts[1], 160), *common(counts[2], 160)]:
        if token not in vocabulary:
            vocabulary.append(token)
    vocabulary += ["서울 ", vocabulary[40]]
    (folder / "vocab.txt").write_text("".join(token + "\n" for token in vocabulary))


def pieces(folder, name, special, **more):
    """A sentencepiece model with special pieces in the order of the class."""
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(text.replace("\n", " ") for text in CORPUS))
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(folder / "made"), vocab_size=600, model_type="unigram", minloglevel=2, hard_vocab_limit=False,
        num_threads=1, **special, **more,
    )
    (folder / "made.model").rename(folder / name)
    (folder / "made.vocab").unlink()
    corpus.unlink()


def pairs(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.model.save(str(folder))


FAIRSEQ = dict(unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
# class: how its vocabulary is made, config.json, and tokenizer_config.json, if there is one
CLASSES = {
    "bert": (lambda folder: lines(folder, True), {"model_type": "bert"}, None),
    "bert-cased": (
        lambda folder: lines(folder, False), {"model_type": "bert"},
        {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": None, "tokenize_chinese_chars": True, "model_max_length": 512},
    ),
    "electra": (lambda folder: lines(folder, False), {"model_type": "electra"}, {"do_lower_case": False}),
    "xlm-roberta": (lambda folder: pieces(folder, "sentencepiece.bpe.model", FAIRSEQ), {"model_type": "xlm-roberta"}, None),
    "xlm-roberta-nfkc": (
        lambda folder: pieces(folder, "sentencepiece.bpe.model", FAIRSEQ, normalization_rule_name="nmt_nfkc_cf"), {"model_type": "xlm-roberta"},
        {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512, "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "normalized": True, "rstrip": False, "single_word": False}},
    ),
    "camembert": (
        lambda folder: pieces(folder, "sentencepiece.bpe.model", FAIRSEQ, normalization_rule_name="identity"), {"model_type": "camembert"}, None,
    ),
    "albert": (
        lambda folder: pieces(
            folder, "spiece.model", dict(pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, pad_piece="<pad>", control_symbols=["[CLS]", "[SEP]", "[MASK]"]),
        ),
        {"model_type": "albert"}, {"do_lower_case": True, "keep_accents": False},
    ),
    "t5": (lambda folder: pieces(folder, "spiece.model", dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)), {"model_type": "t5"}, None),
    "deberta-v2": (
        lambda folder: pieces(
            folder, "spm.model",
            dict(pad_id=0, unk_id=3, bos_id=1, eos_id=2, pad_piece="[PAD]", unk_piece="[UNK]", bos_piece="[CLS]", eos_piece="[SEP]", user_defined_symbols=["[MASK]", "해시"]),
            normalization_rule_name="identity",
        ),
        {"model_type": "deberta-v2"}, {"do_lower_case": False, "split_by_punct": True},
    ),
    "roberta": (pairs, {"model_type": "roberta"}, None),
}


def hashed(numbers):
    value = 0xCBF29CE484222325
    for number in numbers:
        for byte in number.to_bytes(4, "little"):
            value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value - (1 << 64) if value >= 1 << 63 else value


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    (HERE / "texts.json").write_text(json.dumps(TEXTS, ensure_ascii=False, indent=0) + "\n")
    for name, (make, model, config) in CLASSES.items():
        folder = HERE / name
        folder.mkdir()
        make(folder)
        (folder / "config.json").write_text(json.dumps(model) + "\n")
        if config is not None:
            (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False) + "\n")
        save_file({"embeddings.word_embeddings.weight": torch.zeros(1, 1)}, folder / "model.safetensors", metadata={"format": "pt"})
        tokenizer = AutoTokenizer.from_pretrained(folder)
        numbers = [tokenizer(text)["input_ids"] for text in TEXTS]
        save_file({"hashes": torch.tensor([hashed(ids) for ids in numbers])}, folder / "expected.safetensors")
        print(name, type(tokenizer).__name__, len(tokenizer), numbers[10][:12])


main()
