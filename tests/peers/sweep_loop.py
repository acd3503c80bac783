"""Time `admix sweep run` against the loop that people write today, on the same ratios, and compare the scores.

    python tests/peers/sweep_loop.py path/to/admix MODEL_A MODEL_B DATA [RATIO...]

DATA holds the folders jhe (two line-aligned files, both directions) and xquad-en (BEIR). For each ratio the loop merges
the two models, writes the folder, loads it in sentence-transformers, encodes, ranks and scores with pytrec_eval. It
averages in torch, because mergekit 0.1.5 refuses BERT. Both programs are timed as whole processes with two threads each ($THREADS).
Exits 1 when a score differs by more than 0.0005 or the loop is not twice as slow.

Needs sentence-transformers, safetensors and pytrec_eval-terrier.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 0.0005
THREADS = int(os.environ.get("THREADS", "2"))
BATCH = 32

SWEEP = """study: loop
recipe:
  merge_method: task_arithmetic
  base_model: {a}
  models: [{{model: {b}, parameters: {{weight: "${{w}}"}}}}]
params: {{w: [{ratios}]}}
data: {{jhe: {data}/jhe, xquad: {data}/xquad-en}}
objectives: {{mono: {{mean: [xquad]}}, cross: {{mean: [jhe]}}}}
baselines: [uniform]
store: {store}
"""


def tasks(data):
    lines = lambda path: path.read_text(encoding="utf-8").splitlines()
    ko, en = lines(data / "jhe/jhe-koen-eval.ko"), lines(data / "jhe/jhe-koen-eval.en")
    for name, queries, documents in (("jhe en-ko", en, ko), ("jhe ko-en", ko, en)):
        count = range(1, len(queries) + 1)
        yield name, dict(zip((f"q{n}" for n in count), queries)), dict(zip((f"d{n}" for n in count), documents)), {
            f"q{n}": {f"d{n}": 1} for n in count
        }
    folder = data / "xquad-en"
    rows = lambda name: [json.loads(line) for line in lines(folder / name) if line.strip()]
    documents = {d["_id"]: f"{d.get('title') or ''} {d['text']}".strip() for d in rows("corpus.jsonl")}
    qrels = {}
    for row in lines(folder / "qrels/test.tsv")[1:]:
        query, document, grade = row.split("\t")
        qrels.setdefault(query, {})[document] = int(grade)
    yield "xquad", {q["_id"]: q["text"] for q in rows("queries.jsonl") if q["_id"] in qrels}, documents, qrels


def merge(a, b, ratio, out):
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(b, out, ignore=shutil.ignore_patterns("model.safetensors"))
    for path in [out, *out.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    one, other = load_file(a / "model.safetensors"), load_file(b / "model.safetensors")
    merged = {}
    for name, theirs in other.items():
        ours = one[name]
        merged[name] = ours + 0
        if theirs.is_floating_point():
            merged[name] = ((1 - ratio) * ours.float() + ratio * theirs.float()).to(theirs.dtype)
    save_file(merged, out / "model.safetensors", {"format": "pt"})
    assert all(torch.isfinite(tensor).all() for tensor in merged.values() if tensor.is_floating_point())


def loop(a, b, data, ratios):
    import numpy as np
    import pytrec_eval
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(THREADS)
    found = {}
    for ratio in ratios:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "merged"
            merge(a, b, ratio, out)
            model = SentenceTransformer(str(out), device="cpu").float()
            for name, queries, documents, qrels in tasks(data):
                q = model.encode_query(list(queries.values()), batch_size=BATCH, normalize_embeddings=True)
                d = model.encode_document(list(documents.values()), batch_size=BATCH, normalize_embeddings=True)
                ids, run = list(documents), {}
                for query, row in zip(queries, q @ d.T):
                    run[query] = {ids[at]: float(row[at]) for at in np.argsort(-row, kind="stable")[:200]}
                values = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10"}).evaluate(run)
                found[f"{ratio:g} {name}"] = sum(v["ndcg_cut_10"] for v in values.values()) / len(values)
    print(json.dumps(found))


def timed(command):
    environment = {**os.environ, "RAYON_NUM_THREADS": str(THREADS), "OMP_NUM_THREADS": str(THREADS)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return output, time.time() - began, cpu


def main():
    admix, a, b, data = sys.argv[1], *(Path(path).resolve() for path in sys.argv[2:5])
    ratios = [float(ratio) for ratio in sys.argv[5:]] or [0.3, 0.5, 0.7]
    # A sweep has a baseline, here the plain average: both programs score it.
    ratios += [0.5] if 0.5 not in ratios else []
    with tempfile.TemporaryDirectory() as folder:
        store, sweep = Path(folder) / "study", Path(folder) / "sweep.yaml"
        listed = ", ".join(f"{ratio:g}" for ratio in ratios)
        sweep.write_text(SWEEP.format(a=a, b=b, data=data, store=store, ratios=listed), encoding="utf-8")
        _, ours, our_cpu = timed([admix, "sweep", "run", sweep, "-q"])
        export = subprocess.run([admix, "sweep", "export", store, "--json", "-"], check=True, capture_output=True, text=True)
        study = json.loads(export.stdout)
    mine = {}
    for trial in study["trials"]:
        for entry in trial["data"] if trial["kind"] == "point" else []:
            mine[f"{trial['values']['w']:g} {entry['set']}"] = entry["means"]["ndcg@10"]
    command = [sys.executable, __file__, "--loop", a, b, data, *map(str, ratios)]
    output, theirs, their_cpu = timed(command)
    loop_found = json.loads(output.splitlines()[-1])
    worst = 0.0
    for name, value in loop_found.items():
        worst = max(worst, abs(value - mine[name]))
        print(f"{name:20} {mine[name]:.6f} {value:.6f} {mine[name] - value:+.6f}")
    print(f"admix {ours:.1f} s ({our_cpu:.0f} s of cpu), loop {theirs:.1f} s ({their_cpu:.0f} s of cpu), {theirs / ours:.1f}×")
    print(f"largest difference {worst:.6f}")
    sys.exit(worst > LIMIT or theirs < 2 * ours)


if sys.argv[1] == "--loop":
    loop(*map(Path, sys.argv[2:5]), [float(ratio) for ratio in sys.argv[5:]])
else:
    main()
