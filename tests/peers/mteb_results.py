"""Loads result files of `admix score --mteb-json` with mteb: `python mteb_results.py ADMIX`, from the repository.

Needs mteb (2.26.24 was used). Puts small data sets in the place of two tasks into a cache of its own, scores them by name, and ends
with an error where mteb's loader refuses a file, misses a split or subset, or reads another score.
"""

import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile

import mteb
from mteb.results import TaskResult

TASKS = {"Ko-StrategyQA": None, "XPQARetrieval": ["eng-kor", "kor-eng"]}
MODEL = pathlib.Path(__file__).parents[1] / "goldens" / "encoders" / "bert"


def rows(items):
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)


def cached(cache, task, subsets):
    data = task.metadata.dataset
    snapshot = cache / f"datasets--{data['path'].replace('/', '--')}" / "snapshots" / data["revision"]
    tables = {
        "corpus": rows({"_id": f"d{at}", "text": text} for at, text in enumerate(["고양이 매트", "개와 고양이", "the cat sat"])),
        "queries": rows([{"_id": "q0", "text": "고양이"}, {"_id": "q1", "text": "cat"}]),
        "qrels": rows([{"query-id": "q0", "corpus-id": "d1", "score": 1}, {"query-id": "q1", "corpus-id": "d2", "score": 1}]),
    }
    for subset in subsets or [None]:
        for table, text in tables.items():
            folder = snapshot / (f"{subset}-{table}" if subset else table)
            folder.mkdir(parents=True)
            (folder / f"{task.metadata.eval_splits[0]}.jsonl").write_text(text, encoding="utf-8")


def main(admix):
    warned = []
    logging.getLogger("mteb").addHandler(type("Handler", (logging.Handler,), {"emit": lambda self, record: warned.append(record.getMessage())})())
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        (root / "model").symlink_to(MODEL)
        for task_name, subsets in TASKS.items():
            task = mteb.get_task(task_name, hf_subsets=subsets)
            cached(root / "cache", task, subsets)
            command = [admix, "score", "model", "--data", task_name, "--mteb-json", "results", "--json"]
            run = subprocess.run(command, cwd=root, env={**os.environ, "HF_HUB_CACHE": str(root / "cache")}, check=True, stdout=subprocess.PIPE)
            scored = json.loads(run.stdout)["models"][0]["datasets"]
            result = TaskResult.from_disk(root / "results" / "model" / f"{task_name}.json")
            kept = result.validate_and_filter_scores(task)
            split = task.metadata.eval_splits[0]
            assert result.task_name == task_name and result.dataset_revision == task.metadata.dataset["revision"]
            assert {entry["hf_subset"] for entry in kept.scores[split]} == set(task.hf_subsets), kept.scores
            for entry in kept.scores[split]:
                assert entry["languages"] == task.metadata.hf_subsets_to_langscripts[entry["hf_subset"]], entry
            mean = sum(found["metrics"]["ndcg@10"] for found in scored) / len(scored)
            assert abs(kept.get_score() - mean) < 1e-9, (kept.get_score(), mean)
            assert not any("issing" in message for message in warned), warned
            print(f"{task_name}: mteb {mteb.__version__} reads {kept.get_score():.4f} of {len(scored)} subsets")


if __name__ == "__main__":
    main(str(pathlib.Path(sys.argv[1]).resolve()))
