#!/usr/bin/env python3
"""Times `admix embed` against sentence-transformers on the same texts, in the same rounds.

    encode_speed.py WORK DATA --admix target/release/admix [--models MiniLM=FOLDER ...] [--base] [--rounds 3]
                    [--batches 8,16,32,64] [--short N] [--long N] [--threads 2] [--rate GFLOPS] [--json FILE]

DATA holds the sets jhe (short texts: both of its files) and xquad-en (long ones: its paragraphs). --base adds an XLM-RoBERTa of 278 M random
parameters with a tokenizer of 250,002 pieces that is made here, both kept under WORK. --short and --long take so many texts only.

admix is timed as a whole process, start included, and once more without its start as it says itself; sentence-transformers is loaded before
and its best batch size is found before the rounds. Both compute in float32 with so many threads. The least cosine of the two programs'
embeddings must be 0.99999. GFLOP/s are 2 × parameters outside embeddings and pooler × tokens + 4 × Σ length² × width × layers for attention;
with --rate (what a matrix product alone reaches) they are also a share. The result is a Markdown table. Needs torch and sentence-transformers.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="true")

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

PIECES = 250_002


def texts(data, options):
    jhe = [path.read_text(encoding="utf-8").splitlines() for path in sorted((data / "jhe").iterdir())]
    corpus = (data / "xquad-en" / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    paragraphs = [" ".join(json.loads(line)["text"].split()) for line in corpus if line.strip()]
    # Sides alternate, so that a part has both languages.
    short = [line for pair in zip(*jhe) for line in pair]
    return {"short": short[: options.short], "long": paragraphs[: options.long]}


def xlm_roberta(work, data, python):
    """The folder of a model of the size of XLM-RoBERTa base, with a tokenizer."""
    folder = work / "xlmr" / "base"
    if (folder / "tokenizer.json").exists():
        return folder
    maker = Path(__file__).resolve().with_name("make_checkpoints.py")
    subprocess.run([python, maker, work / "xlmr", "--size", "base", "--models", "base"], check=True, stdout=sys.stderr)
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=32_000, special_tokens=special, unk_token="<unk>", show_progress=False)
    everything = [path for path in sorted(data.glob("*/*")) if path.is_file()]
    tokenizer.train([str(path) for path in everything], trainer)
    model = json.loads(tokenizer.to_str())
    vocabulary = model["model"]["vocab"]
    least = min(score for _, score in vocabulary)
    # Pieces that no text has fill it up to the size of the published vocabulary.
    vocabulary.extend([f"▁{number:x}\u2063", least - 1] for number in range(PIECES - len(vocabulary)))
    tokenizer = Tokenizer.from_str(json.dumps(model))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.decoder = decoders.Metaspace()
    names = dict(zip(["bos_token", "pad_token", "eos_token", "unk_token", "mask_token"], special))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def operations(model, lengths):
    inner = next(module for module in model.modules() if hasattr(module, "config") and hasattr(module, "encoder"))
    parameters = sum(p.numel() for name, p in inner.named_parameters() if not name.startswith(("embeddings.", "pooler.")))
    config = inner.config
    attention = 4 * sum(length * length for length in lengths) * config.hidden_size * config.num_hidden_layers
    return 2 * parameters * sum(lengths) + attention


def admix(options, folder, lines, work):
    out = work / "embeddings.npy"
    command = [options.admix, "embed", folder, "-o", out, "--force", "--json", "--quiet"]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(options.threads)}
    began = time.perf_counter()
    done = subprocess.run(command, check=True, input="\n".join(lines) + "\n", capture_output=True, text=True, env=environment)
    whole = time.perf_counter() - began
    return whole, json.loads(done.stdout)["seconds"], np.load(out)


def transformers(model, lines, batch):
    began = time.perf_counter()
    found = model.encode(lines, batch_size=batch, convert_to_numpy=True, show_progress_bar=False)
    return time.perf_counter() - began, found


def cosine(a, b):
    a, b = a.astype("float64"), b.astype("float64")
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def measure(name, folder, kind, lines, model, options):
    lengths = [int(n) for n in model.tokenize(lines)["attention_mask"].sum(1)] if hasattr(model, "tokenize") else None
    batches = [int(size) for size in options.batches.split(",")]
    transformers(model, lines[: batches[0]], batches[0])
    tried = {batch: transformers(model, lines, batch)[0] for batch in batches}
    best = min(tried, key=tried.get)
    whole, inner, theirs = [], [], []
    for index in range(options.rounds):
        for turn in (0, 1) if index % 2 == 0 else (1, 0):
            if turn == 0:
                seconds, own, ours = admix(options, folder, lines, options.work)
                whole.append(seconds)
                inner.append(own)
            else:
                seconds, reference = transformers(model, lines, best)
                theirs.append(seconds)
    least = cosine(ours, reference)
    assert least > 0.99999, f"{name}, {kind}: least cosine {least}"
    ratios = [b / a for a, b in zip(whole, theirs)]
    work = operations(model, lengths) / 1e9
    return {
        "model": name,
        "texts": kind,
        "count": len(lines),
        "tokens": sum(lengths),
        "admix": whole,
        "admix_inner": inner,
        "sentence_transformers": theirs,
        "batch": best,
        "batches": tried,
        "ratio": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "gflop": work,
        "least_cosine": least,
    }


def table(results, rate):
    head = ["model", "texts", "tokens", "admix", "without start", "sentence-transformers (batch)", "ratio", "GFLOP/s"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for r in results:
        whole, inner, theirs = (statistics.median(r[key]) for key in ("admix", "admix_inner", "sentence_transformers"))
        speeds = [r["gflop"] / seconds for seconds in (whole, inner, theirs)]
        share = f" ({speeds[1] / rate:.0%} of {rate:.0f})" if rate else ""
        lines.append(
            f"| {r['model']} | {r['count']} {r['texts']} | {r['tokens']:,} | {whole:.2f} s, {r['count'] / whole:.0f} texts/s | {inner:.2f} s "
            f"| {theirs:.2f} s, {r['count'] / theirs:.0f} texts/s ({r['batch']}) | {r['ratio']:.2f} ({r['ratio_low']:.2f} to {r['ratio_high']:.2f}) "
            f"| {speeds[0]:.0f}, {speeds[1]:.0f} without start{share}; {speeds[2]:.0f} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder for checkpoints and outputs")
    parser.add_argument("data", type=Path, help="folder of data sets")
    parser.add_argument("--admix", type=Path, default=Path("target/release/admix"))
    parser.add_argument("--models", nargs="*", default=[], help="NAME=FOLDER")
    parser.add_argument("--base", action="store_true", help="also a model of the size of XLM-RoBERTa base")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", default="8,16,32,64", help="batch sizes of sentence-transformers to choose from")
    parser.add_argument("--short", type=int, help="so many short texts only")
    parser.add_argument("--long", type=int, help="so many long texts only")
    parser.add_argument("--kinds", default="short,long")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rate", type=float, help="GFLOP/s of a matrix product alone")
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)

    folders = [model.split("=", 1) for model in options.models]
    if options.base:
        folders.append(["XLM-R base", xlm_roberta(options.work, options.data, sys.executable)])
    results = []
    for name, folder in folders:
        model = SentenceTransformer(str(folder), device="cpu").float().eval()
        for kind, lines in texts(options.data, options).items():
            if kind not in options.kinds.split(","):
                continue
            results.append(measure(name, folder, kind, lines, model, options))
            print(f"{name}, {kind}: done", file=sys.stderr)
    print(table(results, options.rate))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
