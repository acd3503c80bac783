#!/usr/bin/env python3
"""Makes the golden files of this folder with mergekit 0.1.5: see README.md.

    make_goldens.py [NAME ...]

Writes models/ (tiny random checkpoints, from fixed seeds), merges every recipe of recipes/ (or the named ones) with mergekit-yaml into
expected/NAME.safetensors, and the recipes of recipes/half/ into expected/half/NAME.truth.safetensors and half.json. Needs
mergekit 0.1.5, torch, transformers; no network.
"""

import json
import math
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import torch
import transformers
import yaml
from mergekit.scripts.run_yaml import main as mergekit_yaml
from safetensors.torch import load_file

HERE = Path(__file__).resolve().parent
SHAPE = {"vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
# the standard deviation of a fine-tune's change: ko-ko and ko-en leave the base at a wide angle, en-en stays near it (cosine > 0.9995)
CHANGES = {"ko-ko": 0.25, "ko-en": 0.2, "en-en": 0.006}
ZERO_IN_BASE = "encoder.layer.1.output.dense.bias"


def xlm_roberta():
    config = transformers.XLMRobertaConfig(
        **SHAPE, max_position_embeddings=20, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2
    )
    return transformers.XLMRobertaModel(config)


def modernbert():
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
    config = transformers.ModernBertConfig(**SHAPE, max_position_embeddings=32, local_attention=8, **tokens)
    return transformers.ModernBertModel(config)


def qwen3():
    heads = {"num_key_value_heads": 1, "head_dim": 8, "tie_word_embeddings": False}
    return transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**SHAPE, max_position_embeddings=32, **heads))


def bert_reranker():
    return transformers.BertForSequenceClassification(transformers.BertConfig(**SHAPE, max_position_embeddings=20, num_labels=1))


ARCHITECTURES = {"xlm-roberta": xlm_roberta, "modernbert": modernbert, "qwen3": qwen3, "bert-reranker": bert_reranker}


def random_base(model, generator):
    base = {}
    for name, value in model.state_dict().items():
        noise = torch.randn(value.shape, generator=generator)
        norm_weight = name.endswith("norm.weight") or name.endswith("LayerNorm.weight")
        base[name] = 1 + 0.25 * noise if norm_weight else 0.6 * noise
    if ZERO_IN_BASE in base:
        base[ZERO_IN_BASE].zero_()
    return base


def fine_tune(base, deviation, generator):
    """The base plus noise. No two elements of a task vector have one magnitude, so that what a density keeps is never in doubt."""
    tuned = {}
    for name, value in base.items():
        while True:
            tuned[name] = value + deviation * torch.randn(value.shape, generator=generator)
            magnitudes = (tuned[name] - value).abs().flatten()
            if magnitudes.unique().numel() == magnitudes.numel():
                break
    return tuned


def two_sizes(value, generator):
    """Noise of which exactly floor(n / 2) elements are large and the rest small: density 0.5 is clear in any dtype."""
    count = value.numel()
    magnitude = torch.empty(count)
    order = torch.randperm(count, generator=generator)
    large = count // 2
    magnitude[order[:large]] = 0.3 + 0.2 * torch.rand(large, generator=generator)
    magnitude[order[large:]] = 0.02 + 0.08 * torch.rand(count - large, generator=generator)
    sign = torch.randint(0, 2, (count,), generator=generator) * 2 - 1
    return (magnitude * sign).reshape(value.shape)


def half_models(base, dtype, generator):
    """base, ko-ko and ko-en in a half dtype, such that no vote of recipes/half/ties-*.yaml is a near tie."""
    models = {"base": {}, "ko-ko": {}, "ko-en": {}}
    for name, value in base.items():
        start = value.to(dtype)
        first = (start.float() + two_sizes(value, generator)).to(dtype)
        kept = (first.double() - start.double()).abs() > 0.2
        while True:
            second = (start.float() + 0.2 * torch.randn(value.shape, generator=generator)).to(dtype)
            votes = torch.stack([(first.double() - start.double()) * kept * 0.61, (second.double() - start.double()) * 0.37])
            if (votes.sum(0).abs() >= 1e-4 * votes.abs().amax(0)).all():
                break
        models["base"][name], models["ko-ko"][name], models["ko-en"][name] = start, first, second
    return models


def save(model, weights, folder, dtype=torch.float32):
    shutil.rmtree(folder, ignore_errors=True)
    model = model.to(dtype)
    model.load_state_dict(weights)
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


def make_models():
    for index, (arch, build) in enumerate(ARCHITECTURES.items()):
        generator = torch.Generator().manual_seed(20 + index)
        base = random_base(build(), generator)
        models = {"base": base} | {name: fine_tune(base, change, generator) for name, change in CHANGES.items()}
        check_angles(arch, models)
        for name, weights in models.items():
            save(build(), weights, HERE / "models" / arch / name)
        if arch != "xlm-roberta":
            continue
        for dtype in (torch.bfloat16, torch.float16):
            folder = HERE / "models" / f"{arch}-{str(dtype).removeprefix('torch.')}"
            for name, weights in half_models(base, dtype, generator).items():
                save(build(), weights, folder / name, dtype)


def check_angles(arch, models):
    def cosines(one, other):
        pairs = ((models[one][name].double().flatten(), models[other][name].double().flatten()) for name in models[one])
        return [float(a @ b / (a.norm() * b.norm())) for a, b in pairs if a.numel() > 1 and a.norm() > 0 and b.norm() > 0]

    for one, other in (("base", "ko-ko"), ("base", "ko-en"), ("ko-ko", "ko-en")):
        widest, nearest = min(cosines(one, other)), max(cosines(one, other))
        print(f"{arch}: cosine of {one} and {other} {widest:.4f} to {nearest:.4f}")
        assert nearest < 0.998
    nearest = min(cosines("base", "en-en"))
    print(f"{arch}: cosine of base and en-en at least {nearest:.6f}")
    assert nearest > 0.9997


def mergekit(recipe, dtype=None):
    """The weights mergekit-yaml writes for a recipe file; with `dtype`, as if the recipe named that."""
    with tempfile.TemporaryDirectory() as folder:
        if dtype:
            content = yaml.safe_load(recipe.read_text()) | {"dtype": dtype}
            content.pop("out_dtype", None)
            recipe = Path(folder) / "recipe.yaml"
            recipe.write_text(yaml.safe_dump(content, sort_keys=False))
        out = Path(folder) / "out"
        arguments = [str(recipe), str(out), "--no-copy-tokenizer", "--no-write-model-card", "--quiet"]
        mergekit_yaml.main(args=arguments, standalone_mode=False)
        data = (out / "model.safetensors").read_bytes()
        return data, load_file(out / "model.safetensors")


def make_expected(recipe):
    data, merged = mergekit(recipe)
    (HERE / "expected" / f"{recipe.stem}.safetensors").write_bytes(data)
    if any(value.dtype != torch.float32 for value in merged.values()):
        print(f"{recipe.stem}: {len(merged)} tensors")
        return
    # a golden far from its float64 twin would stand on a knife's edge (a near tie), where no second program need agree
    _, exact = mergekit(recipe, dtype="float64")
    assert exact.keys() == merged.keys()
    error = max(float((merged[name].double() - exact[name]).abs().max()) for name in merged)
    print(f"{recipe.stem}: {len(merged)} tensors, {error:.1e} from float64")
    assert error < 2e-6, recipe


def make_half(recipe):
    truth_data, truth = mergekit(recipe, dtype="float64")
    _, merged = mergekit(recipe)
    (HERE / "expected" / "half" / f"{recipe.stem}.truth.safetensors").write_bytes(truth_data)
    assert merged.keys() == truth.keys()
    squares = sum(float(((merged[name].double() - truth[name]) ** 2).sum()) for name in truth)
    count = sum(value.numel() for value in truth.values())
    rms = math.sqrt(squares / count)
    print(f"half/{recipe.stem}: rms {rms:.3e}")
    return {"recipe": f"recipes/half/{recipe.name}", "mergekit_rms": rms}


def main():
    assert version("mergekit") == "0.1.5", "the goldens are mergekit 0.1.5's"
    wanted = sys.argv[1:]
    os.chdir(HERE)
    (HERE / "expected" / "half").mkdir(parents=True, exist_ok=True)
    if not wanted:
        make_models()
    for recipe in sorted(Path("recipes").glob("*.yaml")):
        if not wanted or recipe.stem in wanted:
            make_expected(recipe)
    if not wanted:
        half = {recipe.stem: make_half(recipe) for recipe in sorted(Path("recipes/half").glob("*.yaml"))}
        (HERE / "half.json").write_text(json.dumps(half, indent=2) + "\n")


if __name__ == "__main__":
    main()
