#!/usr/bin/env python3
"""Times encoding in float32 and bfloat16: admix, sentence-transformers and OpenVINO on the same texts, in the same rounds.

    half_speed.py WORK DATA --admix target/release/admix [--models MiniLM=FOLDER ...] [--base] [--rounds 3] [--short N] [--long N]
                  [--threads 2] [--json FILE] [--chart FILE]

Texts and models are those of encode_speed.py. admix is timed as a whole process, start included; the others are loaded before, and their
best batch size, and OpenVINO's best way of running (one batch on all threads, or a batch a thread), are found before the rounds. OpenVINO's
model is converted from torch in memory; texts go to it sorted by length, tokenizing and pooling are timed with it. Least cosines are to
sentence-transformers in float32. The result is a Markdown table; a ratio is the median of the rounds' own ratios to admix in the same format.
Needs torch, sentence-transformers and openvino.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import encode_speed as common
import numpy as np
import openvino
import torch
from sentence_transformers import SentenceTransformer

FORMATS = {"float32": ("f32", "f32"), "bfloat16": ("bf16", "bf16")}


def admix(options, folder, lines, dtype):
    out = options.work / "embeddings.npy"
    command = [options.admix, "embed", folder, "-o", out, "--dtype", dtype, "--force", "--quiet"]
    environment = {**common.os.environ, "RAYON_NUM_THREADS": str(options.threads)}
    began = time.perf_counter()
    subprocess.run(command, check=True, input="\n".join(lines) + "\n", stdout=subprocess.DEVNULL, text=True, env=environment)
    return time.perf_counter() - began, np.load(out)


class Converted:
    """A model that OpenVINO runs."""

    def __init__(self, model, dtype, threads):
        self.model, self.threads, self.dtype = model, threads, dtype
        self.pooling = [module.pooling_mode for module in model if hasattr(module, "pooling_mode")]
        assert self.pooling in (["mean"], [("mean",)]), self.pooling

        class Hidden(torch.nn.Module):
            def __init__(self, inner):
                super().__init__()
                self.inner = inner

            def forward(self, input_ids, attention_mask):
                # Made here, since the library's own masks cannot be traced.
                masked = (1 - attention_mask[:, None, None, :].float()).expand(-1, 1, input_ids.shape[1], -1) * -1e9
                return self.inner(input_ids=input_ids, attention_mask=masked).last_hidden_state

        example = model.tokenize(["ein Satz", "und noch ein Satz dazu"])
        example = (example["input_ids"], example["attention_mask"])
        with torch.no_grad():
            traced = torch.jit.trace(Hidden(next(iter(model)).auto_model.eval()), example, check_trace=False)
            self.graph = openvino.convert_model(traced, example_input=example)

    def compile(self, streams):
        settings = {"INFERENCE_PRECISION_HINT": self.dtype, "INFERENCE_NUM_THREADS": self.threads, "NUM_STREAMS": streams}
        return openvino.Core().compile_model(self.graph, "CPU", settings)

    def encode(self, compiled, streams, lines, batch):
        began = time.perf_counter()
        order = sorted(range(len(lines)), key=lambda i: -len(lines[i]))
        out = [None] * len(lines)

        def take(request, given):
            texts, mask = given
            hidden = request.get_output_tensor(0).data
            weights = mask[:, :, None].astype("float32")
            pooled = (hidden * weights).sum(1) / weights.sum(1)
            pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
            for text, row in zip(texts, pooled):
                out[text] = row

        queue = openvino.AsyncInferQueue(compiled, streams)
        queue.set_callback(take)
        for start in range(0, len(order), batch):
            texts = order[start : start + batch]
            given = self.model.tokenize([lines[i] for i in texts])
            ids, mask = given["input_ids"].numpy(), given["attention_mask"].numpy()
            queue.start_async({0: ids, 1: mask}, (texts, mask))
        queue.wait_all()
        return time.perf_counter() - began, np.stack(out)


def measure(name, folder, kind, lines, options):
    batches = [int(size) for size in options.batches.split(",")]
    rows, reference = {}, None
    runs = {}
    for label, (ours, theirs) in FORMATS.items():
        runs["admix", label] = lambda ours=ours: admix(options, folder, lines, ours)
        kept = SentenceTransformer(str(folder), device="cpu")
        kept = (kept.float() if label == "float32" else kept.bfloat16()).eval()
        tried = {}
        for batch in batches:
            common.transformers(kept, lines[: 2 * batch], batch)
            tried[batch] = common.transformers(kept, lines, batch)[0]
        best = min(tried, key=tried.get)
        runs["sentence-transformers", label] = lambda kept=kept, best=best: common.transformers(kept, lines, best)
        plain = SentenceTransformer(str(folder), device="cpu", model_kwargs={"attn_implementation": options.attention})
        converted = Converted(plain.float(), theirs, options.threads)
        tried = {}
        for streams in (1, options.threads):
            compiled = converted.compile(streams)
            for batch in batches:
                converted.encode(compiled, streams, lines[: 2 * batch], batch)
                tried[streams, batch] = converted.encode(compiled, streams, lines, batch)[0], compiled
        streams, batch = min(tried, key=lambda key: tried[key][0])
        compiled = tried[streams, batch][1]
        runs["OpenVINO", label] = lambda c=converted, m=compiled, s=streams, b=batch: c.encode(m, s, lines, b)
        print(f"{name}, {kind}, {label}: sentence-transformers by {best}, OpenVINO by {batch} in {streams} streams", file=sys.stderr)
    keys = list(runs)
    seconds = {key: [] for key in keys}
    found = {}
    for index in range(options.rounds):
        for key in keys if index % 2 == 0 else reversed(keys):
            spent, found[key] = runs[key]()
            seconds[key].append(spent)
    reference = np.asarray(found["sentence-transformers", "float32"], dtype="float64")
    for key in keys:
        ratios = [theirs / ours for theirs, ours in zip(seconds[key], seconds["admix", key[1]])]
        rows[key] = {
            "model": name,
            "texts": kind,
            "count": len(lines),
            "program": key[0],
            "format": key[1],
            "seconds": seconds[key],
            "ratio": statistics.median(ratios),
            "ratio_low": min(ratios),
            "ratio_high": max(ratios),
            "least_cosine": common.cosine(np.asarray(found[key], dtype="float64"), reference),
        }
    return list(rows.values())


def table(results):
    head = ["model", "texts", "format", "program", "seconds", "texts/s", "against admix", "least cosine"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for r in results:
        spent = statistics.median(r["seconds"])
        ratio = "" if r["program"] == "admix" else f"{r['ratio']:.2f} ({r['ratio_low']:.2f} to {r['ratio_high']:.2f})"
        lines.append(
            f"| {r['model']} | {r['count']} {r['texts']} | {r['format']} | {r['program']} | {spent:.2f} | {r['count'] / spent:.0f} | {ratio} "
            f"| {r['least_cosine']:.9f} |"
        )
    return "\n".join(lines)


STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}.m{fill:#666}.bfloat16{fill:#1f6feb}.float32{fill:#8db8f5}.h{font-weight:600}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.m{fill:#999}.bfloat16{fill:#58a6ff}.float32{fill:#2f5f9e}}"
)


def chart(results):
    """Texts a second as bars, fastest first."""
    out, y = [], 30
    for model, kind in dict.fromkeys((r["model"], r["texts"]) for r in results):
        rows = [r for r in results if (r["model"], r["texts"]) == (model, kind)]
        rate = {(r["program"], r["format"]): r["count"] / statistics.median(r["seconds"]) for r in rows}
        programs = sorted(dict.fromkeys(program for program, _ in rate), key=lambda program: -rate[program, "bfloat16"])
        out.append(f'<text class="h" x="10" y="{y}">{model}, {kind} texts: texts a second</text>')
        y += 12
        for program in programs:
            y += 10
            out.append(f'<text x="170" y="{y + 20}" text-anchor="end">{program}</text>')
            for form in FORMATS:
                width = round(440 * rate[program, form] / max(rate.values()))
                out.append(f'<rect class="{form}" x="180" y="{y}" width="{width}" height="15" rx="2"/>')
                out.append(f'<text class="m" x="{188 + width}" y="{y + 12}">{rate[program, form]:,.0f} {form}</text>')
                y += 17
        y += 34
    label = "Texts a second of admix, OpenVINO and sentence-transformers in float32 and bfloat16"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {y - 20}" role="img" aria-label="{label}">'
    return f'{head}<style>{STYLE}</style>{"".join(out)}</svg>\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder for checkpoints and outputs")
    parser.add_argument("data", type=Path, help="folder of data sets")
    parser.add_argument("--admix", type=Path, default=Path("target/release/admix"))
    parser.add_argument("--models", nargs="*", default=[], help="NAME=FOLDER")
    parser.add_argument("--base", action="store_true", help="also a model of the size of XLM-RoBERTa base")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", default="8,16,32,64", help="batch sizes of the others to choose from")
    parser.add_argument("--short", type=int, help="so many short texts only")
    parser.add_argument("--long", type=int, help="so many long texts only")
    parser.add_argument("--kinds", default="short,long")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--attention", default="sdpa", help="the attention that OpenVINO's model is made from: sdpa or eager")
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    parser.add_argument("--chart", type=Path, help="also draw the rates to this SVG file")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    folders = [model.split("=", 1) for model in options.models]
    if options.base:
        folders.append(["XLM-R base", common.xlm_roberta(options.work, options.data, sys.executable)])
    results = []
    for name, folder in folders:
        for kind, lines in common.texts(options.data, options).items():
            if kind in options.kinds.split(","):
                results.extend(measure(name, folder, kind, lines, options))
    print(table(results))
    if options.chart:
        options.chart.write_text(chart(results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
