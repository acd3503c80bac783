"""Scores from Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import admix_merge as am

from .conftest import data, retriever, sentence_transformers
from .program import admix

BASE, TUNED = retriever("base"), retriever("cross-ko-en")


def read(folder: str) -> tuple[dict[str, str], dict[str, str], dict[str, dict[str, int]]]:
    """The texts and the judgements of a bundled data set, read without admix."""

    def texts(name: str) -> dict[str, str]:
        lines = (Path(folder) / name).read_text(encoding="utf-8").splitlines()
        return {one["_id"]: one["text"] for one in map(json.loads, lines)}

    relevant: dict[str, dict[str, int]] = {}
    for line in (Path(folder) / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        relevant.setdefault(query, {})[document] = int(grade)
    return texts("queries.jsonl"), texts("corpus.jsonl"), relevant


def test_scores_are_those_of_the_program() -> None:
    scores = am.score([BASE, TUNED], [data("ko-ko"), data("ko-en")], metrics="ndcg@10", baseline=BASE, progress=False)
    printed = json.loads(
        admix("score", BASE, TUNED, "--baseline", BASE, "-m", "ndcg@10", "--data", data("ko-ko"), data("ko-en"), "--json")
    )
    rows = iter(scores)
    for model in printed["models"]:
        for dataset in model["datasets"]:
            row = next(rows)
            assert row.value == dataset["metrics"]["ndcg@10"]
            if model["model"] == TUNED:
                against = dataset["against_baseline"]["ndcg@10"]
                found = [row.difference, row.low, row.high, row.p, row.p_holm]
                assert found == [against["difference"], *against["interval"], against["p"], against["p_holm"]]
    assert next(rows, None) is None


def test_arguments_of_an_evaluator_are_a_data_set() -> None:
    by_folder = am.score(TUNED, data("ko-en"), metrics=["ndcg@10"], progress=False)
    by_texts = am.score({"tuned": TUNED}, read(data("ko-en")), metrics=["ndcg@10"], progress=False)
    assert [row.value for row in by_texts] == [row.value for row in by_folder]
    assert by_texts[0].model == "tuned"


def test_tables_have_a_row_for_each_score_and_for_each_query() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    scores = am.score([BASE, TUNED], data("ko-ko"), progress=False)
    assert len(scores.to_pandas()) == len(scores) == 4
    queries = scores.to_pandas(per_query=True)
    means = queries[(queries.metric == "ndcg@10")].groupby("model").value.mean()
    assert means[TUNED] == pytest.approx(scores.mean("ndcg@10", TUNED), abs=1e-12)
    assert "<table>" in scores._repr_html_() and TUNED in str(scores)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(am.UsageError, match="ndgc"):
        am.score(BASE, data("ko-ko"), metrics="ndgc@10", progress=False)


def test_a_model_in_memory_scores_as_its_evaluator_says() -> None:
    library: Any = sentence_transformers()
    from sentence_transformers.evaluation import InformationRetrievalEvaluator

    model = library.SentenceTransformer(TUNED, model_kwargs={"dtype": "float32"})
    queries, corpus, relevant = read(data("ko-en"))
    judged = {query: set(documents) for query, documents in relevant.items()}
    evaluator = InformationRetrievalEvaluator(queries, corpus, judged, name="ko-en", write_csv=False)
    expected = evaluator(model)["ko-en_cosine_ndcg@10"]
    found = am.score(model, evaluator, metrics="ndcg@10", progress=False)
    assert found[0].value == pytest.approx(expected, abs=1e-4)
