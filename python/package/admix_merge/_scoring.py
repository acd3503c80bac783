"""Scores of models on data sets."""

from __future__ import annotations

import html
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Optional, Sequence, Union, cast

from . import _native
from ._errors import UsageError
from ._inputs import Data, Inputs, Model, PathLike, is_object
from ._merging import warn
from ._progress import Watch, Watching
from ._tables import frame, table

if TYPE_CHECKING:
    import pandas

Models = Union[Model, Sequence[Model], Mapping[str, Model]]
"""A model, several, or several with names."""

DataSets = Union[Data, Sequence[Data], Mapping[str, Data]]
"""A data set, several, or several with names."""


@dataclass(frozen=True)
class Score:
    """A metric of a model on a data set, and how it compares with the baseline."""

    model: str
    """The model."""
    dataset: str
    """The data set, with its direction if that is known."""
    metric: str
    """The metric, such as `ndcg@10`."""
    value: Optional[float]
    """The mean over queries; None where no query counts."""
    queries: int
    """The number of queries."""
    difference: Optional[float] = None
    """The mean difference from the baseline."""
    low: Optional[float] = None
    """The lower bound of its 95 % interval."""
    high: Optional[float] = None
    """The upper bound."""
    p: Optional[float] = None
    """The p-value of a paired randomisation test."""
    p_holm: Optional[float] = None
    """The same, corrected for the number of models."""


class Scores(Sequence[Score]):
    """Scores of models on data sets: a sequence of `Score`."""

    def __init__(self, found: dict[str, Any], baseline: Optional[str]) -> None:
        self.details: dict[str, Any] = found
        """Everything, nearly as `admix score --json` prints it, with the scores of each query."""
        self.baseline: Optional[str] = baseline
        """The model that the others are compared with."""
        self._rows = [row for model in found["models"] for row in _rows(model)]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __iter__(self) -> Iterator[Score]:
        return iter(self._rows)

    def mean(self, metric: str = "ndcg@10", model: Optional[str] = None) -> float:
        """The mean of a metric over data sets. `model` is needed where several were scored."""
        models = [one["model"] for one in self.details["models"]]
        if model is None and len(models) > 1:
            raise UsageError(f"{len(models)} models were scored", f"`model=` is one of {', '.join(models)}")
        values = [
            row.value for row in self if row.metric == metric and row.model == (model or models[0]) and row.value is not None
        ]
        if not values:
            raise UsageError(f"no score of `{metric}`", f"there are {', '.join(sorted({row.metric for row in self}))}")
        return sum(values) / len(values)

    def to_pandas(self, *, per_query: bool = False) -> pandas.DataFrame:
        """A table with a row for each model, data set and metric, or for each query."""
        if not per_query:
            return frame([asdict(row) for row in self])
        rows = [
            {"model": model["model"], "dataset": found["label"], "metric": metric, "query": query, "value": value}
            for model in self.details["models"]
            for found in model["datasets"]
            for metric, values in found["per_query"].items()
            for query, value in values.items()
        ]
        return frame(rows)

    def _cells(self) -> list[list[str]]:
        columns = list(dict.fromkeys((row.dataset, row.metric) for row in self))
        head = ["", *(f"{dataset} {metric}" for dataset, metric in columns)]
        lines = [head]
        for model in dict.fromkeys(row.model for row in self):
            cells = {(row.dataset, row.metric): _cell(row) for row in self if row.model == model}
            lines.append([model, *(cells.get(column, "") for column in columns)])
        return lines

    def __str__(self) -> str:
        return table(self._cells())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *lines = self._cells()
        cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>" for line in lines
        )
        return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def score(
    models: Models,
    data: DataSets,
    *,
    metrics: Union[str, Sequence[str]] = (),
    baseline: Optional[Model] = None,
    split: Optional[str] = None,
    limit_queries: Optional[int] = None,
    query_prompt: Optional[str] = None,
    document_prompt: Optional[str] = None,
    first_stage: Union[None, Model, Sequence[PathLike], bool] = None,
    top_k: Optional[int] = None,
    compat: Optional[str] = None,
    device: Optional[str] = None,
    dtype: Optional[str] = None,
    max_length: Optional[int] = None,
    truncate_dim: Optional[int] = None,
    batch_tokens: Optional[int] = None,
    progress: Watch = True,
) -> Scores:
    """Scores retrievers, or rerankers, on retrieval data sets.

    A model is a folder or a `SentenceTransformer`; a dict gives models names. A data set is a folder, a name, an
    `InformationRetrievalEvaluator`, or its arguments `(queries, corpus, relevant_docs)`. The metrics are those of trec_eval, by default
    ndcg@10 and recall@100. The other models are compared with `baseline`.

    `first_stage` scores rerankers, on what a retriever finds (a model), on run files (a list, one for each data set), or on the
    documents that the data sets list (True); `top_k` is how many of them.
    """
    encoder = {
        "device": device,
        "dtype": dtype,
        "max_length": max_length,
        "truncate_dim": truncate_dim,
        "batch_tokens": batch_tokens,
    }
    with Inputs() as inputs:
        labels, given = named(models)
        if baseline is not None:
            place = next((at for at, model in enumerate(given) if model is baseline or model == baseline), None)
            if place is None and isinstance(baseline, str) and baseline in labels:
                place = labels.index(baseline)
            if place is None:
                place = 0
                labels.insert(0, _label(baseline, "baseline"))
                given.insert(0, baseline)
        else:
            place = None
        request = {
            "models": [inputs.model(model, label) for label, model in zip(labels, given)],
            "data": [inputs.data(one, name) for name, one in zip(*named_data(data))],
            "metrics": [metrics] if isinstance(metrics, str) else list(metrics),
            "baseline": place,
            "split": split,
            "limit_queries": limit_queries,
            "query_prompt": query_prompt,
            "document_prompt": document_prompt,
            "compat": compat,
            "first_stage": _first_stage(inputs, first_stage),
            "top_k": top_k,
            "encoder": encoder,
        }
        with Watching("score", progress) as watch:
            found = json.loads(_native.score(json.dumps(request), watch))
    for label, model in zip(labels, found["models"]):
        model["model"] = label
    warn(found["warnings"])
    return Scores(found, None if place is None else labels[place])


def _first_stage(inputs: Inputs, given: Union[None, Model, Sequence[PathLike], bool]) -> Any:
    if given is None or given is False:
        return None
    if given is True:
        return "listed"
    if isinstance(given, (list, tuple)):
        return {"runs": [os.fspath(run) for run in given]}
    return {"retriever": inputs.model(cast(Model, given), "first-stage")}


def _label(model: Model, usual: str) -> str:
    return os.fspath(model) if isinstance(model, (str, os.PathLike)) else usual


def named(models: Models) -> tuple[list[str], list[Model]]:
    """Models with their names."""
    if isinstance(models, Mapping):
        return [str(name) for name in models], list(models.values())
    if isinstance(models, (str, os.PathLike)) or is_object(models):
        return [_label(cast(Model, models), "model")], [cast(Model, models)]
    given = list(cast("Sequence[Model]", models))
    return [_label(model, f"model{at}") for at, model in enumerate(given, 1)], given


def named_data(data: DataSets) -> tuple[list[str], list[Data]]:
    """Data sets with their names."""
    if isinstance(data, Mapping):
        return [str(name) for name in data], list(data.values())
    is_arguments = isinstance(data, tuple) and len(data) == 3 and all(isinstance(part, Mapping) for part in data)
    if is_arguments or not isinstance(data, (list, tuple)):
        return ["data"], [cast(Data, data)]
    given = list(cast("Sequence[Data]", data))
    return [f"data{at}" for at in range(1, len(given) + 1)], given


def _rows(model: dict[str, Any]) -> Iterator[Score]:
    for found in model["datasets"]:
        for metric, value in found["metrics"].items():
            against = found["against_baseline"].get(metric)
            compared = {}
            if against is not None:
                low, high = against["interval"]
                compared = {"low": low, "high": high, **{name: against[name] for name in ("difference", "p", "p_holm")}}
            yield Score(model["model"], found["label"], metric, value, found["queries"], **compared)


def _cell(row: Score) -> str:
    if row.value is None:
        return "-"
    if row.difference is None or row.p_holm is None:
        return f"{row.value:.4f}"
    stars = "***" if row.p_holm < 0.001 else "**" if row.p_holm < 0.01 else "*" if row.p_holm < 0.05 else ""
    return f"{row.value:.4f} {row.difference:+.4f}{stars}"
