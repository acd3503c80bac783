#!/usr/bin/env python3
"""Makes settings/ and how sentence-transformers uses the models there: see README.md.

    make_settings.py

Writes plain bases as transformers saves them, fine-tunes and an adapter of them as sentence-transformers saves them (random, from
fixed seeds), and to settings/expected.safetensors the embeddings of settings/texts.json: those of the merges that the tests make,
computed with the weights merged by hand in a fine-tune's own modules, and those of the adapter's folder. Needs sentence-transformers
6.2, transformers 5, peft 0.21; no network.
"""

import json
import os
import shutil
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import torch
import transformers
import transformers.integrations.peft
from peft import LoraConfig
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

HERE = Path(__file__).resolve().parent
OUT = HERE / "settings"
WIDTH = 8
WORDS = "a the cat sat on mat query passage : , . c m s t ##at ##s ##t 고양이 매트".split()
TEXTS = ["the cat sat on the mat", "고양이", "a " + "cat on the mat, " * 6, ""]
PROMPTS = {"query": "query: ", "document": "passage: "}
# What version checks of the libraries' own distributions would say has nothing to do with the weights.
transformers.integrations.peft.check_peft_version = lambda **_: None


def tokenizer(length):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + WORDS
    made = Tokenizer(models.WordPiece({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=length, **names)


def moved(module, seed, by):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += by * torch.randn(parameter.shape, generator=generator)
    return module


def base(name, model):
    moved(model.eval(), 1, 0.3).save_pretrained(OUT / name)
    tokenizer(30).save_pretrained(OUT / name)


def retriever(name, pooling, length, dense=None):
    transformer = Transformer(str(OUT / name))
    transformer.max_seq_length = length
    modules = [transformer, Pooling(WIDTH, pooling_mode=pooling)]
    if dense is not None:
        modules.append(moved(Dense(WIDTH, 6), dense, 0.5))
    return SentenceTransformer(modules=modules + [Normalize()], device="cpu", prompts=PROMPTS)


def save(model, name):
    model.save_pretrained(str(OUT / name), create_model_card=False)
    for path in (OUT / name).rglob("adapter_config.json"):
        (path.parent / "README.md").unlink(missing_ok=True)
        config = json.loads(path.read_text())
        config["base_model_name_or_path"] = "qwen3"
        config["target_modules"].sort()
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def embeddings(model, name):
    prompts = {"plain": None, "query": "query", "document": "document"}
    return {
        f"{name}.{label}": torch.tensor(model.encode(TEXTS, prompt_name=prompt)) for label, prompt in prompts.items()
    }


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    torch.manual_seed(0)
    size = dict(vocab_size=4 + len(WORDS), hidden_size=WIDTH, num_attention_heads=2, intermediate_size=12)
    base("bert", transformers.BertModel(transformers.BertConfig(num_hidden_layers=1, max_position_embeddings=32, **size)))
    base(
        "qwen3",
        transformers.Qwen3Model(
            transformers.Qwen3Config(
                num_hidden_layers=2, max_position_embeddings=40, num_key_value_heads=1, head_dim=4, pad_token_id=0, **size
            )
        ),
    )
    expected = {}
    # base + 0.6·(one − base) + 0.3·(other − base); the Dense modules, which the base lacks, in the same shares.
    tuned = {}
    for seed, name in enumerate(["one", "other"], 2):
        tuned[name] = retriever("bert", "cls", 12, dense=10 + seed)
        moved(tuned[name][0], seed, 0.4)
        save(tuned[name], name)
    by_hand = SentenceTransformer(str(OUT / "one"), device="cpu")
    weights = transformers.AutoModel.from_pretrained(OUT / "bert").state_dict()
    one, other = (tuned[name].state_dict() for name in ["one", "other"])
    merged = by_hand.state_dict()
    for key, value in merged.items():
        start = weights.get(key.removeprefix("0.model."))
        if start is None:
            assert key.startswith("2."), key
            value.copy_((0.6 * one[key] + 0.3 * other[key]) / 0.9)
        elif value.is_floating_point():
            value.copy_(start + 0.6 * (one[key] - start) + 0.3 * (other[key] - start))
    expected.update(embeddings(by_hand, "merge"))

    adapted = retriever("qwen3", "lasttoken", 10)
    adapted.add_adapter(
        LoraConfig(task_type="FEATURE_EXTRACTION", r=2, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"])
    )
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    save(adapted, "adapter")
    expected.update(embeddings(adapted, "adapter"))
    (OUT / "texts.json").write_text(json.dumps(TEXTS, ensure_ascii=False, indent=1) + "\n")
    save_file({key: value.contiguous() for key, value in expected.items()}, OUT / "expected.safetensors")


if __name__ == "__main__":
    main()
