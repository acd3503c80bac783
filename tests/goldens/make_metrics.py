#!/usr/bin/env python3
"""Makes the golden files of metrics/ with the tools whose numbers they are: see metrics/README.md.

    make_metrics.py WHEELS

WHEELS is a folder with the wheels of beir 2.2.0 and mteb 2.26.24 (pip download --no-deps): of these only the files that compute
metrics are loaded. Needs pytrec_eval-terrier 0.5.11 and sentence-transformers 6.2.0; no network.
"""

import importlib.util
import random
import sys
import types
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytrec_eval
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

OUT = Path(__file__).resolve().parent / "metrics"
METRICS = "ndcg ndcg@1 ndcg@3 ndcg@10 recall@1 recall@10 mrr mrr@3 map map@3 map@10 p@1 p@10 success@1 success@5".split()
FEWER = "ndcg@10 recall@3 mrr@3 map@10 p@3".split()


def load(wheels, wheel, member, name):
    """A module out of a wheel."""
    [path] = wheels.glob(wheel)
    source = zipfile.ZipFile(path).read(member)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader=None))
    exec(compile(source, member, "exec"), module.__dict__)
    return module


# The hand-made cases: query: (grades, documents in the order of the file)
CASES = {
    "graded": ({"a": 2, "b": 1, "c": 0, "d": -1}, [("d", 4), ("b", 3), ("c", 2), ("a", 1)]),
    "tie-case": ({"b": 1}, [("a", 1), ("b", 1), ("B", 1), ("ab", 1)]),
    "tie-script": ({"가": 1, "z": 2}, [("a", 1), ("가", 1), ("z", 1), ("é", 1), ("😀", 1), ("나", 1)]),
    "tie-prefix": ({"d1": 1, "d10": 3}, [("d1", 0.5), ("d10", 0.5), ("d1a", 0.5), ("d2", 0.5), ("d", 0.5)]),
    "tie-zero": ({"b": 1}, [("a", 0.0), ("b", -0.0), ("c", 0.0)]),
    "ninth-digit": ({"a": 1}, [("a", 0.7000000012), ("b", 0.7), ("c", 0.6999999988)]),
    "seventh-digit": ({"a": 1}, [("a", 0.7000002), ("b", 0.7), ("c", 0.6999998)]),
    "beyond-float32": ({"a": 1, "b": 2}, [("a", 1e300), ("b", 1e39), ("c", 3e38)]),
    "infinite": ({"b": 1}, [("a", "inf"), ("b", 1e10), ("c", "-inf")]),
    "missing-in-run": ({"a": 1, "b": 2}, None),
    "not-judged": (None, [("a", 1)]),
    "only-zero": ({"a": 0, "b": 0}, [("a", 2), ("b", 1)]),
    "negative": ({"a": -2, "b": 3, "c": 1, "d": -1}, [("a", 4), ("d", 3), ("b", 2), ("c", 1)]),
    "self": ({"a": 1, "self": 3}, [("self", 9), ("b", 3), ("a", 1)]),
    "alone": ({"a": 1}, [("alone", 9)]),
    "질의": ({"문서1": 1, "문서2": 2}, [("문서3", 3), ("문서1", 2), ("문서2", 1)]),
    "many-relevant": ({f"d{n}": 1 + n % 4 for n in range(15)}, [(f"d{n}", 30 - n) for n in range(3, 25)]),
    "grade-huge": ({"a": 100, "b": 1}, [("b", 2), ("a", 1)]),
    "nothing-found": ({"x": 1, "y": 1}, [("a", 2), ("b", 1)]),
}


def random_set():
    """300 queries: ids of several scripts that are prefixes of each other, many ties, grades of all signs."""
    rng = random.Random(20)
    documents = [str(n) for n in range(40)] + [f"d{n}" for n in range(12)] + ["문서", "문서1", "é", "e", "E", "Ω", "😀", "d_1"]
    cases = {}
    for number in range(300):
        found = rng.sample(documents, rng.randint(1, 16))
        kind = rng.choice(["plain", "ties", "ninth", "same"])
        base = rng.random()
        scores = {
            "plain": lambda: round(rng.gauss(0, 1), 4),
            "ties": lambda: rng.randint(0, 4) / 4,
            "ninth": lambda: base + rng.randint(-3, 3) * 2e-9,
            "same": lambda: round(base, 2),
        }[kind]
        pool = found + rng.sample(documents, rng.randint(0, 8))
        judged = rng.sample(sorted(set(pool)), rng.randint(1, min(12, len(set(pool)))))
        grades = rng.choice([[-1, 0, 1, 2, 3], [0, 1], [1], [-2, -1, 0]])
        run = None if rng.random() < 0.04 else [(document, scores()) for document in found]
        grades = {document: rng.choice(grades) for document in judged}
        # Of a query whose grades are all negative, pytrec_eval reads memory that is not its own.
        grades[judged[0]] = max(grades[judged[0]], 0)
        cases[str(number)] = (grades, run)
    return cases


def write_input(name, cases):
    with open(OUT / f"{name}.qrels", "w", encoding="utf-8") as out:
        for query, (grades, _) in cases.items():
            out.writelines(f"{query} 0 {document} {grade}\n" for document, grade in (grades or {}).items())
    with open(OUT / f"{name}.run", "w", encoding="utf-8") as out:
        for query, (_, run) in cases.items():
            out.writelines(f"{query} Q0 {document} 1 {score} x\n" for document, score in run or [])


def read(name):
    with open(OUT / f"{name}.qrels", encoding="utf-8") as qrels, open(OUT / f"{name}.run", encoding="utf-8") as run:
        return dict(pytrec_eval.parse_qrel(qrels)), dict(pytrec_eval.parse_run(run))


def trec_name(metric):
    measure, _, cut = metric.partition("@")
    measure = {"mrr": "recip_rank", "p": "P", "ndcg": "ndcg_cut" if cut else "ndcg", "map": "map_cut" if cut else "map"}.get(measure, measure)
    return f"{measure}_{cut}" if cut and measure != "recip_rank" else measure


def trec(qrels, run, metrics):
    names = {trec_name(metric) for metric in metrics}
    found = pytrec_eval.RelevanceEvaluator(qrels, {name.replace("_cut_", "_cut.") for name in names}).evaluate(run)
    return {query: {metric: cut_rank(metric, values[trec_name(metric)]) for metric in metrics} for query, values in found.items()}


def cut_rank(metric, value):
    """trec_eval has no cut of the reciprocal rank: what is beyond it is 0."""
    measure, _, cut = metric.partition("@")
    return 0.0 if measure == "mrr" and cut and value < 1 / int(cut) else value


def order(run):
    """Each document's rank, in the order of the file, as trec_eval has it: the reciprocal rank were it the only relevant one."""
    ranks = {query: [] for query in run}
    for query, documents in run.items():
        for document in documents:
            found = pytrec_eval.RelevanceEvaluator({query: {document: 1}}, {"recip_rank"}).evaluate({query: documents})
            ranks[query].append(round(1 / found[query]["recip_rank"]))
    return ranks


def mteb(module, qrels, run, metrics):
    found = trec(qrels, run, metrics)
    run = {query: documents for query, documents in run.items() if query in qrels}
    cuts = [int(metric.partition("@")[2] or 1000) for metric in metrics if metric.startswith("mrr")]
    for metric, cut in zip([metric for metric in metrics if metric.startswith("mrr")], cuts):
        for query, value in zip(run, module.mrr(qrels, run, cuts)[f"MRR@{cut}"]):
            found[query][metric] = value
    return found


def beir(evaluation, qrels, run, metrics):
    run = {query: dict(documents) for query, documents in run.items() if query in qrels}
    cuts = sorted({int(metric.partition("@")[2] or 1000) for metric in metrics})
    means = evaluation.EvaluateRetrieval.evaluate(qrels, run, cuts)  # takes out identical ids
    found = trec(qrels, run, metrics)
    ndcg = sum(values["ndcg@10"] for values in found.values()) / len(found)
    assert abs(means[0]["NDCG@10"] - ndcg) < 1e-5
    reciprocal = [metric for metric in metrics if metric.startswith("mrr")]
    for query in qrels:
        found.setdefault(query, dict.fromkeys(reciprocal, 0.0))
        if query in run:
            for metric in reciprocal:
                cut = int(metric.partition("@")[2] or 1000)
                # A mean over one query, rounded to five decimals: its rank is a small number.
                value = evaluation.mrr({query: qrels[query]}, {query: run[query]}, [cut])[f"MRR@{cut}"]
                found[query][metric] = 1 / round(1 / value) if value else 0.0
    whole = evaluation.mrr(qrels, run, [3])["MRR@3"]
    assert abs(whole - sum(values["mrr@3"] for values in found.values()) / len(qrels)) < 1e-5
    return found


def sentence_transformers(qrels, run, metrics):
    found = {}
    for query, grades in qrels.items():
        relevant = {document for document, grade in grades.items() if grade > 0}
        if not relevant:
            continue
        cuts = sorted({int(metric.partition("@")[2] or 1000) for metric in metrics})
        documents = run.get(query, {})
        cut_options = dict.fromkeys("mrr_at_k ndcg_at_k accuracy_at_k precision_recall_at_k map_at_k".split(), cuts)
        evaluator = InformationRetrievalEvaluator({query: ""}, dict.fromkeys([*documents, "-"], ""), {query: relevant}, **cut_options)
        hits = [{"corpus_id": document, "score": score} for document, score in documents.items()]
        values = evaluator.compute_metrics([hits])
        names = {"p": "precision", "success": "accuracy"}
        found[query] = {}
        for metric in metrics:
            measure, _, cut = metric.partition("@")
            found[query][metric] = float(values[f"{names.get(measure, measure)}@k"][int(cut or 1000)])
    return found


def write_expected(name, tool, metrics, found):
    with open(OUT / f"{name}.{tool}.tsv", "w", encoding="utf-8") as out:
        print("query", *metrics, sep="\t", file=out)
        for query in sorted(found):
            values = (found[query].get(metric) for metric in metrics)
            print(query, *("" if value is None else repr(float(value)) for value in values), sep="\t", file=out)


def main():
    wheels = Path(sys.argv[1])
    assert (version("pytrec_eval-terrier"), version("sentence-transformers")) == ("0.5.11", "6.2.0")
    sys.modules["mteb"] = types.ModuleType("mteb")
    sys.modules["mteb.types"] = types.ModuleType("mteb.types")
    sys.modules["mteb.types"].RetrievalEvaluationResult = object
    mteb_module = load(wheels, "mteb-2.26.24-*.whl", "mteb/_evaluators/retrieval_metrics.py", "retrieval_metrics")
    custom = load(wheels, "beir-2.2.0-*.whl", "beir/retrieval/custom_metrics.py", "beir.retrieval.custom_metrics")
    for package in ["beir", "beir.retrieval", "beir.retrieval.search"]:
        sys.modules[package] = types.ModuleType(package)
        sys.modules[package].__path__ = []
    sys.modules["beir.retrieval.custom_metrics"] = custom
    sys.modules["beir.retrieval.search.base"] = types.ModuleType("base")
    sys.modules["beir.retrieval.search.base"].BaseSearch = object
    evaluation = load(wheels, "beir-2.2.0-*.whl", "beir/retrieval/evaluation.py", "beir.retrieval.evaluation")
    OUT.mkdir(exist_ok=True)
    for name, cases, metrics in [("cases", CASES, METRICS), ("random", random_set(), FEWER)]:
        write_input(name, cases)
        qrels, run = read(name)
        write_expected(name, "trec", METRICS, trec(qrels, run, METRICS))
        write_expected(name, "st", metrics, sentence_transformers(qrels, run, metrics))
        write_expected(name, "mteb", ["mrr@3"], mteb(mteb_module, qrels, run, ["mrr@3"]))
        write_expected(name, "beir", metrics, beir(evaluation, qrels, run, metrics))
        with open(OUT / f"{name}.order.tsv", "w", encoding="utf-8") as out:
            for query, ranks in order(run).items():
                print(query, *ranks, sep="\t", file=out)


if __name__ == "__main__":
    main()
