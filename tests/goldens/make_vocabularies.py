#!/usr/bin/env python3
"""Makes the golden merges of models with different vocabularies with mergekit 0.1.5: see README.md.

    make_vocabularies.py [NAME ...]

Writes models/vocabularies/ (tiny random checkpoints with WordPiece, unigram and byte-level BPE tokenizers, from fixed seeds),
merges every recipe of recipes/vocabularies/ (or the named ones) with mergekit-yaml and writes its weights to
expected/vocabularies/NAME.safetensors and its vocabulary, token to row, to expected/vocabularies/NAME.json: mergekit numbers
the tokens it adds differently from run to run, so rows are compared by token. Needs mergekit 0.1.5, torch, transformers; no
network.
"""

import json
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import torch
import transformers
from mergekit.scripts.run_yaml import main as mergekit_yaml
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "models" / "vocabularies"
SHAPE = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12}


def special(token):
    return AddedToken(token, special=True, normalized=False)


def plain(token):
    return AddedToken(token, special=False, normalized=False)


# every list is a vocabulary in the order of its numbers; `added` are tokens behind it
WORDPIECE = {
    "base": (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "weather", "is", "mild", "in", "s", "##e", "##ou", "##l", "a", "##b"], []),
    "ko": (
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "서울", "##의", "날씨", "##는", "the", "is", "##l", "weather", "s", "##e"],
        [special("[QUERY]"), plain("kimchi")],
    ),
    "en": (["[UNK]", "[PAD]", "[SEP]", "[CLS]", "[MASK]", "seoul", "weather", "##s", "a", "is", "서울", "s"], [special("[QUERY]"), special("[DOC]")]),
}
UNIGRAM = {
    "base": (["<s>", "<pad>", "</s>", "<unk>", "▁", "▁the", "▁weather", "s", "e", "o", "u", "l", "▁is", "<mask>"], []),
    "ko": (["<s>", "<pad>", "</s>", "<unk>", "▁서울", "의", "▁날씨", "▁", "▁is", "s", "e", "<mask>"], [plain("<ko>")]),
    "en": (["<s>", "<pad>", "</s>", "<unk>", "▁the", "▁seoul", "▁weather", "s", "l", "<mask>"], [special("<query>")]),
}
BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
BPE = {
    "base": (["th", "he", "the", "Ġthe", "Ġw", "es"], ["t h", "h e", "th e", "Ġ the", "Ġ w", "e s"], ["<|endoftext|>", "<|pad|>"]),
    "ko": (["ìĦ", "ìĦľ", "es", "he", "ìļ"], ["ì Ħ", "ìĦ ľ", "e s", "h e", "ì ļ"], ["<|pad|>", "<|endoftext|>", "<|ko|>"]),
}


def wordpiece(pieces, added):
    tokenizer = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    ends = {token: pieces.index(token) for token in ("[CLS]", "[SEP]")}
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=list(ends.items()))
    tokenizer.add_special_tokens([special(token) for token in pieces if token.startswith("[")])
    tokenizer.add_tokens(added)
    roles = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **roles)


def unigram(pieces, added):
    scored = [(piece, 0.0 if piece.startswith("<") else -1.5 - 0.25 * number) for number, piece in enumerate(pieces)]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=pieces.index("<unk>"), byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    ends = {token: pieces.index(token) for token in ("<s>", "</s>")}
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=list(ends.items()))
    tokenizer.add_special_tokens([special(token) for token in pieces if token.startswith("<")])
    tokenizer.add_tokens(added)
    roles = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", mask_token="<mask>", **roles)


def bpe(pieces, merges, specials):
    vocabulary = {piece: number for number, piece in enumerate(BYTES + pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [tuple(merge.split(" ")) for merge in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([special(token) for token in specials])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|pad|>")


def mpnet(tokenizer, rows):
    ids = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id}
    return transformers.MPNetModel(transformers.MPNetConfig(**SHAPE, vocab_size=rows, max_position_embeddings=20, **ids))


def xlm_roberta(tokenizer, rows):
    config = transformers.XLMRobertaConfig(
        **SHAPE, vocab_size=rows, max_position_embeddings=20, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2
    )
    return transformers.XLMRobertaForMaskedLM(config)


def qwen2(tokenizer, rows):
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    config = transformers.Qwen2Config(
        **SHAPE, vocab_size=rows, num_key_value_heads=1, max_position_embeddings=32, tie_word_embeddings=False, **ids
    )
    return transformers.Qwen2ForCausalLM(config)


# rows beyond the tokenizer's: padding, which mergekit leaves out
PADDED = {("bpe", "ko"): 5}
KINDS = {"wordpiece": (WORDPIECE, wordpiece, mpnet), "unigram": (UNIGRAM, unigram, xlm_roberta), "bpe": (BPE, bpe, qwen2)}


def make_models():
    for index, (kind, (vocabularies, tokenizer_of, model_of)) in enumerate(KINDS.items()):
        generator = torch.Generator().manual_seed(70 + index)
        for name, parts in vocabularies.items():
            tokenizer = tokenizer_of(*parts)
            model = model_of(tokenizer, len(tokenizer) + PADDED.get((kind, name), 0))
            folder = FOLDER / kind / name
            shutil.rmtree(folder, ignore_errors=True)
            with torch.no_grad():
                for value in model.parameters():
                    value.copy_(torch.randn(value.shape, generator=generator))
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            (folder / "model.safetensors").chmod(0o644)
            (folder / "generation_config.json").unlink(missing_ok=True)


def make_expected(recipe):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        mergekit_yaml.main(args=[str(recipe), str(out), "--no-write-model-card", "--quiet"], standalone_mode=False)
        target = HERE / "expected" / "vocabularies" / recipe.stem
        shutil.copyfile(out / "model.safetensors", target.with_suffix(".safetensors"))
        vocabulary = transformers.AutoTokenizer.from_pretrained(out).get_vocab()
        sorted_vocabulary = dict(sorted(vocabulary.items(), key=lambda entry: entry[1]))
        rows = json.loads((out / "config.json").read_text())["vocab_size"]
        text = json.dumps({"rows": rows, "vocabulary": sorted_vocabulary}, ensure_ascii=False)
        target.with_suffix(".json").write_text(text + "\n")
        print(f"{recipe.stem}: {len(vocabulary)} tokens, {rows} rows, files {sorted(path.name for path in out.iterdir())}")


def main():
    assert version("mergekit") == "0.1.5", "the goldens are mergekit 0.1.5's"
    wanted = sys.argv[1:]
    os.chdir(HERE)
    (HERE / "expected" / "vocabularies").mkdir(parents=True, exist_ok=True)
    if not wanted:
        make_models()
    for recipe in sorted(Path("recipes/vocabularies").glob("*.yaml")):
        if not wanted or recipe.stem in wanted:
            make_expected(recipe)


if __name__ == "__main__":
    main()
