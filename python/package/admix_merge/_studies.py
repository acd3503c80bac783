"""Sweeps and the studies that they leave."""

from __future__ import annotations

import html
import json
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence, Union

from . import _native
from ._errors import UsageError
from ._inputs import Inputs, Model, PathLike, reference, text
from ._merging import warn
from ._progress import Watch, Watching
from ._scoring import DataSets, Models, named, named_data
from ._tables import frame

if TYPE_CHECKING:
    import pandas

SweepFile = Union[PathLike, Mapping[str, Any]]
"""A sweep file, or a dict with its keys, in which a model may be an object."""

Time = Union[None, int, float, timedelta]
"""A time in seconds."""

MOST_OF_A_LATTICE = 5
"""The models of whose weights every combination is tried."""


@dataclass(frozen=True)
class Trial:
    """A merge that was scored, or a model alone."""

    label: str
    """The values of the variables, or the name of a model."""
    id: str
    """The identifier in the study."""
    kind: str
    """What was scored: a point, or a baseline."""
    values: Optional[dict[str, Any]]
    """The values of the variables; None for a model alone."""
    objectives: dict[str, float]
    """The scores."""
    differences: dict[str, Optional[float]]
    """The differences from the reference."""
    intervals: dict[str, Optional[tuple[float, float]]]
    """The 95 % intervals of the differences."""
    p: dict[str, Optional[float]]
    """The p-values, corrected for the number of trials."""
    on_front: bool
    """Whether no other trial is better on everything at once."""


@dataclass(frozen=True)
class Figure:
    """A figure, which notebooks show."""

    name: str
    """What it is called."""
    svg: str
    """The picture."""

    def _repr_svg_(self) -> str:
        # In a page there is no declaration.
        return self.svg[self.svg.index("<svg") :]

    def save(self, path: PathLike) -> None:
        """Writes the picture."""
        Path(path).write_text(self.svg, encoding="utf-8")


@dataclass(frozen=True)
class Recommendation:
    """A point of a study, with the recipe that merges it."""

    label: str
    """The values of the variables."""
    id: str
    """The identifier in the study."""
    recipe: str
    """The recipe as YAML."""
    sentences: list[str]
    """What it gains and costs, how sure that is, and what else was near."""
    store: str
    """The folder of the study."""

    def __str__(self) -> str:
        return "\n".join(self.sentences) or self.label

    def merge(self, out: PathLike, *, force: bool = False) -> str:
        """Merges the point into a folder, with its scores on the model card, and returns the folder."""
        request = {
            "store": self.store,
            "trial": self.id,
            "sentences": self.sentences,
            "out": os.fspath(out),
            "force": force,
        }
        _native.write_point(json.dumps(request))
        return os.fspath(out)

    def save(self, path: PathLike) -> None:
        """Writes the recipe, which `merge` and `admix merge` take."""
        Path(path).write_text(self.recipe, encoding="utf-8")


class Study:
    """The results of a sweep, in the folder where they are kept.

    Results are read when they are asked for, so that a study may be looked at while a sweep works on it.
    """

    def __init__(self, store: PathLike) -> None:
        self.store: str = os.fspath(store)
        """The folder."""
        _native.status(self.store)

    def __repr__(self) -> str:
        return f"Study({self.store!r})"

    @property
    def details(self) -> dict[str, Any]:
        """Everything that is known, with the fields of `admix sweep export --json`."""
        found: dict[str, Any] = json.loads(_native.study(self.store))
        return found

    @property
    def status(self) -> dict[str, Any]:
        """Where the study stands, with the fields of `admix sweep status --json`."""
        found: dict[str, Any] = json.loads(_native.status(self.store))
        return found

    def trials(self, *, held_out: bool = False) -> list[Trial]:
        """The trials with scores, on the search's queries or on those that are held out."""
        return [_trial(found) for found in self.details["confirmed" if held_out else "trials"]]

    def front(self, *, held_out: bool = False) -> list[Trial]:
        """The trials that no other one beats on everything at once."""
        return [trial for trial in self.trials(held_out=held_out) if trial.on_front]

    def table(self) -> str:
        """The table of `admix sweep report`."""
        return str(self.details["table"])

    def to_pandas(self, *, held_out: bool = False) -> pandas.DataFrame:
        """A table with a row for each trial: its variables, its scores, and the differences from the reference."""
        rows = []
        for trial in self.trials(held_out=held_out):
            values = {name: value for name, value in (trial.values or {}).items()}
            differences = {f"{name} diff.": value for name, value in trial.differences.items()}
            row = {"label": trial.label, "kind": trial.kind, **values, **trial.objectives, **differences}
            rows.append({**row, "on_front": trial.on_front})
        return frame(rows)

    def recommend(
        self,
        *,
        keep: Union[str, Sequence[str]] = (),
        prefer: Optional[Mapping[str, float]] = None,
        choose: Optional[str] = None,
        max: Optional[str] = None,
        trial: Union[None, str, Trial] = None,
    ) -> Recommendation:
        """The point to take: the best on average of those that lose no more than 2 % on any data set.

        `keep` sets other limits, such as `"en-en >= -5%"`, and `prefer` lets an objective count more. `choose` is `mean`, `knee` or
        `hypervolume`. `max` asks for the best on one objective alone, and `trial` takes a point by its label or id.
        """
        request = {
            "store": self.store,
            "keep": [keep] if isinstance(keep, str) else list(keep),
            "prefer": [[name, weight] for name, weight in (prefer or {}).items()],
            "choose": choose,
            "max": max,
            "trial": trial.id if isinstance(trial, Trial) else trial,
        }
        found = json.loads(_native.recommend(json.dumps(request)))
        return Recommendation(found["label"], found["trial"], found["recipe"], found["sentences"], self.store)

    def confirm(self, *, max_time: Time = None, progress: Watch = True) -> Study:
        """Scores the best points on the queries that the search has not seen."""
        with Watching("confirm", progress) as watch:
            _native.confirm(json.dumps({"store": self.store, "max_seconds": _seconds(max_time)}), watch)
        return self

    def figures(self) -> dict[str, Figure]:
        """The figures by their names: the curve over the ratio, the front, every data set, and more where there is more."""
        found = {name.removesuffix(".svg"): svg for name, svg in json.loads(_native.figures(self.store))}
        return {name: Figure(name, svg) for name, svg in found.items()}

    def figure(self, name: Optional[str] = None) -> Figure:
        """One figure; without a name the curve, or the front where there is no curve."""
        figures = self.figures()
        if name is None:
            name = "curve" if "curve" in figures else "front"
        if name not in figures:
            raise UsageError(f"the study has no figure `{name}`", f"there are {', '.join(figures)}")
        return figures[name]

    def report(self, path: PathLike) -> str:
        """Writes one HTML file with everything, which needs no network, and returns its path."""
        Path(path).write_text(_native.report(self.store), encoding="utf-8")
        return os.fspath(path)

    def _repr_html_(self) -> str:
        details = self.details
        said = "".join(f"<p>{html.escape(line)}</p>" for line in details["sentences"])
        table = f"<pre>{html.escape(details['table'])}</pre>"
        return f"<div>{self.figure()._repr_svg_()}{table}{said}</div>"


def sweep(
    file: Optional[SweepFile] = None,
    *,
    models: Optional[Models] = None,
    data: Optional[DataSets] = None,
    base: Optional[Model] = None,
    method: Optional[str] = None,
    metric: str = "ndcg@10",
    store: Optional[PathLike] = None,
    max_time: Time = None,
    max_trials: Optional[int] = None,
    progress: Watch = True,
) -> Study:
    """Tries many ratios of a merge, scores each on every data set, and returns the study.

    Either `file` is a sweep file, or a dict with its keys; or `models`, `data` and `base` are what a sweep is made from, as `sweep_file`
    makes one. The same call goes on where it stopped. Merges stay in memory.

    `store` is the folder of the study. `SentenceTransformer` objects and data sets in memory are written beside it, into a folder
    whose name ends with `-inputs`, because a study refers to its models.
    """
    keep = None
    if file is None:
        store = "study" if store is None else store
    if store is not None:
        keep = Path(store).with_name(Path(store).name + "-inputs")
    with Inputs(keep) as inputs:
        if file is None:
            if models is None or data is None:
                raise UsageError("a sweep needs a sweep file, or models and data sets", "give `models=` and `data=`")
            file = _sweep_file(inputs, models, data, base, method, metric)
        elif models is not None or data is not None or base is not None:
            raise UsageError("a sweep file names its models and data sets itself", "leave `models`, `data` and `base` out")
        request: dict[str, Any] = {
            "store": None if store is None else os.fspath(store),
            "max_seconds": _seconds(max_time),
            "max_trials": max_trials,
        }
        if isinstance(file, (str, os.PathLike)):
            request["file"] = os.fspath(file)
        else:
            if keep is None and "store" in file:
                inputs = Inputs(f"{file['store']}-inputs")
            request["text"] = text(inputs.filled(file))
        if inputs.is_temporary():
            raise UsageError("the study would refer to models that are gone", "`store=FOLDER` keeps them beside it")
        with Watching("sweep", progress) as watch:
            found = json.loads(_native.sweep(json.dumps(request), watch))
    warn(found["warnings"])
    return Study(found["store"])


def sweep_file(
    models: Models,
    data: DataSets,
    *,
    base: Optional[Model] = None,
    method: Optional[str] = None,
    metric: str = "ndcg@10",
) -> dict[str, Any]:
    """The sweep file that `sweep` makes from models and data sets, as a dict to change and to give to `sweep`.

    With a base, the differences of the models from it are weighed (`task_arithmetic`); without one the models are averaged
    (`linear`). Each data set and direction is an objective of its own. Half of the queries, or the split `test` where all
    data sets have `dev` too, are held out for `Study.confirm`. Models and data sets are folders or names here.
    """
    with Inputs() as inputs:
        for model in [*named(models)[1], *([] if base is None else [base])]:
            if not isinstance(model, (str, os.PathLike)):
                raise UsageError("a sweep file names folders, found a model in memory", "save it, or call `sweep`")
        return _sweep_file(inputs, models, data, base, method, metric)


def _sweep_file(
    inputs: Inputs, models: Models, data: DataSets, base: Optional[Model], method: Optional[str], metric: str
) -> dict[str, Any]:
    start = None if base is None else inputs.model(base, "base")
    labels, given = named(models)
    folders = [inputs.model(model, Path(label).name) for label, model in zip(labels, given)]
    variables = ["w"] if len(folders) == 1 else [f"w{at}" for at in range(1, len(folders) + 1)]
    recipe: dict[str, Any] = {"merge_method": method or ("linear" if start is None else "task_arithmetic")}
    if start is not None:
        recipe["base_model"] = reference(start)
    recipe["models"] = [
        {"model": reference(folder), "parameters": {"weight": "${" + name + "}"}}
        for folder, name in zip(folders, variables)
    ]
    params, search = _params(variables, start is not None)
    sources, objectives, splits = _data(inputs, data, metric)
    has_both = all({"dev", "test"} <= known for known in splits)
    select, report = ({"split": "dev"}, {"split": "test"}) if has_both else ({"part": "1/2"}, {"part": "2/2"})
    return {
        "recipe": recipe,
        "params": params,
        "search": {"method": search},
        "data": sources,
        "objectives": objectives,
        "select": select,
        "report": report,
    }


def _params(variables: list[str], has_base: bool) -> tuple[dict[str, Any], str]:
    """The values of the weights, and the search."""
    if len(variables) == 1:
        return {variables[0]: {"min": 0, "max": 1, "step": 0.1}}, "grid"
    if len(variables) == 2 and has_base:
        return {name: {"min": 0, "max": 1, "step": 0.25} for name in variables}, "grid"
    if len(variables) == 2:
        return {"simplex": {"of": variables, "step": 0.1}}, "lattice"
    if len(variables) <= MOST_OF_A_LATTICE:
        return {"simplex": {"of": variables, "step": 0.25}}, "lattice"
    return {"simplex": {"of": variables}}, "greedy"


def _data(inputs: Inputs, data: DataSets, metric: str) -> tuple[dict[str, Any], dict[str, Any], list[set[str]]]:
    """The data sets, an objective for each direction, and the splits of each."""
    sources: dict[str, Any] = {}
    objectives: dict[str, Any] = {}
    splits = []
    for name, one in zip(*named_data(data)):
        is_named = isinstance(data, Mapping)
        folder = inputs.data(one, name)
        name = name if is_named else Path(folder).name
        name = "".join(letter if letter.isalnum() else "-" for letter in name)
        name = name if name[:1].isalpha() else f"set-{name}"
        while name in sources:
            name += "2"
        sources[name] = {"path": folder}
        found = json.loads(_native.splits(folder))
        splits.append(set(found["splits"]))
        for one_set in found["sets"]:
            direction = one_set["direction"]
            if len(found["sets"]) > 1 and direction is not None:
                key = "".join(letter if letter.isalnum() else "-" for letter in f"{name}-{direction}")
                objectives[key] = {"metric": metric, "mean": [{"data": name, "direction": direction}]}
            else:
                objectives[name] = {"metric": metric, "mean": [name]}
    return sources, objectives, splits


def _seconds(time: Time) -> Optional[float]:
    if time is None:
        return None
    return time.total_seconds() if isinstance(time, timedelta) else float(time)


def _trial(found: dict[str, Any]) -> Trial:
    objectives = found["objectives"]

    def interval(value: Any) -> Optional[tuple[float, float]]:
        return None if value is None else (value[0], value[1])

    return Trial(
        label=found["label"],
        id=found["trial"],
        kind=found["kind"],
        values=found["values"],
        objectives={name: one["value"] for name, one in objectives.items()},
        differences={name: one["difference"] for name, one in objectives.items()},
        intervals={name: interval(one.get("difference_interval")) for name, one in objectives.items()},
        p={name: one["p_corrected"] for name, one in objectives.items()},
        on_front=found["front"],
    )
