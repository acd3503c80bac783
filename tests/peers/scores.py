"""Compare `admix score --json` with sentence-transformers and pytrec_eval on the same folders.

    python tests/peers/scores.py path/to/admix DATA MODEL...

DATA holds data sets: BEIR folders (corpus.jsonl, queries.jsonl, qrels/test.tsv) and folders of two
line-aligned text files. Prints one row a model and data set with both values of nDCG@10, and the
largest difference; exits 1 if it is over 0.0005.

Needs sentence-transformers and pytrec_eval-terrier.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytrec_eval
from sentence_transformers import SentenceTransformer

LIMIT = 0.0005
BEST_BATCH = 32


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def beir(folder):
    documents = {d["_id"]: f"{d.get('title') or ''} {d['text']}".strip() for d in lines(folder / "corpus.jsonl")}
    texts = {q["_id"]: q["text"] for q in lines(folder / "queries.jsonl")}
    qrels = {}
    for row in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, grade = row.split("\t")
        qrels.setdefault(query, {})[document] = int(grade)
    return [(texts_of(texts, qrels), documents, qrels)]


def texts_of(texts, qrels):
    return {query: text for query, text in texts.items() if query in qrels}


def parallel(folder, admix_sets):
    """Both directions, in the order in which admix lists them."""
    names = {".ko": "ko", ".kor": "ko", ".en": "en", ".eng": "en"}
    files = {names[p.suffix]: p for p in folder.iterdir() if p.suffix in names}
    sides = {language: path.read_text(encoding="utf-8").splitlines() for language, path in files.items()}
    for entry in admix_sets:
        query, document = entry["direction"].split("-")
        queries = {f"q{n}": text for n, text in enumerate(sides[query], 1)}
        documents = {f"d{n}": text for n, text in enumerate(sides[document], 1)}
        yield queries, documents, {f"q{n}": {f"d{n}": 1} for n in range(1, len(sides[query]) + 1)}


def ndcg(model, queries, documents, qrels):
    q = model.encode_query(list(queries.values()), batch_size=BEST_BATCH, normalize_embeddings=True)
    d = model.encode_document(list(documents.values()), batch_size=BEST_BATCH, normalize_embeddings=True)
    scores, ids = q @ d.T, list(documents)
    run = {}
    for query, row in zip(queries, scores):
        best = np.argsort(-row, kind="stable")[:200]
        run[query] = {ids[at]: float(row[at]) for at in best}
    found = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10"}).evaluate(run)
    return sum(values["ndcg_cut_10"] for values in found.values()) / len(found)


def main():
    admix, data, models = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    folders = sorted(p for p in data.iterdir() if p.is_dir())
    worst = 0.0
    for path in models:
        began = time.time()
        command = [admix, "score", path, "--json", "--metrics", "ndcg@10", "--data", *map(str, folders)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        ours, began = time.time() - began, time.time()
        sets = found["models"][0]["datasets"]
        model = SentenceTransformer(path, device="cpu")
        model.float()
        for folder in folders:
            mine = [entry for entry in sets if entry["name"] == folder.name]
            tasks = beir(folder) if (folder / "corpus.jsonl").exists() else parallel(folder, mine)
            for entry, task in zip(mine, tasks):
                assert entry["queries"] == len(task[0]) and entry["documents"] == len(task[1]), entry
                theirs, own = ndcg(model, *task), entry["metrics"]["ndcg@10"]
                worst = max(worst, abs(theirs - own))
                name = f"{folder.name} {entry['direction']}"
                print(f"{Path(path).name:10} {name:20} {own:.6f} {theirs:.6f} {own - theirs:+.6f}", flush=True)
        print(f"{Path(path).name}: admix {ours:.1f} s, sentence-transformers {time.time() - began:.1f} s")
    print(f"largest difference {worst:.6f}")
    sys.exit(worst > LIMIT)


main()
