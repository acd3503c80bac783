"""Sweeps, studies and learning from Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import admix_merge as am

from .conftest import data, retriever, sentence_transformers
from .program import admix

BASE, TUNED = retriever("base"), retriever("cross-ko-en")
SETS = [data("ko-ko"), data("ko-en")]


def small(**changes: Any) -> dict[str, Any]:
    """A sweep of three ratios."""
    file = am.sweep_file([TUNED], SETS, base=BASE)
    file["params"] = {"w": [0.2, 0.5, 1.0]}
    return {**file, **changes}


def test_three_lines_are_a_sweep_and_a_merge() -> None:
    study = am.sweep(base=BASE, models=[TUNED], data=SETS, store="study", progress=False)
    folder = study.recommend(keep=["ko-ko >= -50%"]).merge("picked")
    assert Path(folder, "model.safetensors").exists()
    assert study.status["done"] == study.status["planned"] == 13


def test_a_study_has_what_the_program_exports() -> None:
    study = am.sweep(small(), store="study", progress=False)
    printed = json.loads(admix("sweep", "export", "study", "--json", "-"))
    trials = {trial.label: trial for trial in study.trials()}
    assert list(trials) == [trial["label"] for trial in printed["trials"]]
    for trial in printed["trials"]:
        values = {name: one["value"] for name, one in trial["objectives"].items()}
        assert trials[trial["label"]].objectives == values
    front = {trial["label"] for trial in printed["trials"] if trial["front"]}
    assert {trial.label for trial in study.front()} == front
    assert "w=0.5" in study.table()
    assert trials["w=0.5"].values == {"w": 0.5}


def test_a_picked_point_is_the_merge_of_its_recipe() -> None:
    study = am.sweep(small(), store="study", progress=False)
    point = study.recommend(trial="w=0.5")
    point.merge("one")
    point.save("recipe.yaml")
    am.merge("recipe.yaml", "other", progress=False)
    assert Path("one/model.safetensors").read_bytes() == Path("other/model.safetensors").read_bytes()
    assert "ndcg@10" in Path("one/README.md").read_text().lower()


def test_a_sweep_goes_on_where_it_stopped_and_tells_each_trial() -> None:
    am.sweep(small(), store="study", max_trials=2, progress=False)
    events: list[dict[str, Any]] = []

    def watch(progress: am.Progress) -> None:
        if progress.event is not None and progress.event["event"] == "scored":
            events.append(progress.event)

    study = am.sweep(small(), store="study", progress=watch)
    assert len(events) == len(study.trials()) - 2
    assert all(event["objectives"] for event in events)


def test_confirm_scores_on_held_out_queries() -> None:
    study = am.sweep(small(), store="study", progress=False).confirm(progress=False)
    held_out = study.trials(held_out=True)
    assert {trial.label for trial in held_out} >= {"base", "cross-ko-en"}
    assert [trial.objectives for trial in held_out] != [trial.objectives for trial in study.trials()]


def test_figures_are_pictures_and_the_report_is_one_file() -> None:
    study = am.sweep(small(), store="study", progress=False)
    assert study.figure()._repr_svg_().startswith("<svg")
    assert {"front", "curve", "data"} <= set(study.figures())
    study.figure("front").save("front.svg")
    assert "<svg" in Path("front.svg").read_text()
    assert "<html" in Path(study.report("report.html")).read_text()
    assert "<svg" in study._repr_html_()
    with pytest.raises(am.UsageError, match="no figure"):
        study.figure("frnot")


def test_a_table_has_a_row_for_each_trial() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    study = am.sweep(small(), store="study", progress=False)
    table = study.to_pandas().set_index("label")
    assert set(table.index) == {trial.label for trial in study.trials()}
    assert table.loc["w=0.5", "w"] == 0.5 and {"ko-ko", "ko-en", "ko-en diff."} <= set(table.columns)


def test_a_study_of_other_models_is_not_mixed_in() -> None:
    am.sweep(small(), store="study", progress=False)
    other = am.sweep_file([retriever("mono-ko")], SETS, base=BASE)
    with pytest.raises(am.StudyMismatchError):
        am.sweep(other, store="study", progress=False)


def test_a_folder_without_a_study_is_refused() -> None:
    with pytest.raises(am.AdmixError, match="nowhere"):
        am.Study("nowhere")


def test_a_mistake_in_a_sweep_dict_has_a_line_of_the_dict() -> None:
    with pytest.raises(am.UsageError) as caught:
        am.sweep(small(objectivs={}), store="study", progress=False)
    fault = caught.value.faults[0]
    assert fault.file == "<sweep>" and fault.line and "objectivs" in str(caught.value)


def test_learning_moves_the_weights_and_its_recipe_merges() -> None:
    recipe = {
        "merge_method": "task_arithmetic",
        "base_model": BASE,
        "models": [{"model": TUNED, "parameters": {"weight": 0.5}}],
    }
    learned = am.learn(recipe, SETS, pairs=16, tokens=32, by="layer", progress=False)
    assert learned.rounds in (0, 1) and {one["parameter"] for one in learned.coefficients} == {"weight"}
    learned.merge("out", progress=False)
    learned.save("learned.yaml")
    admix("merge", "learned.yaml", "-o", "by-program")
    assert Path("out/model.safetensors").read_bytes() == Path("by-program/model.safetensors").read_bytes()


def test_models_in_memory_are_swept_and_the_study_keeps_them() -> None:
    library: Any = sentence_transformers()
    models = {name: library.SentenceTransformer(retriever(name)) for name in ("base", "cross-ko-en")}
    arguments: dict[str, Any] = {"base": models["base"], "models": [models["cross-ko-en"]], "data": SETS, "store": "study"}
    study = am.sweep(**arguments, max_trials=3, progress=False)
    again = am.sweep(**arguments, max_trials=3, progress=False)
    assert len(again.trials()) == len(study.trials()) == 6 or len(again.trials()) == 6
    library.SentenceTransformer(again.recommend(trial=next(t for t in again.trials() if t.values)).merge("picked"))
