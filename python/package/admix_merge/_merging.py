"""Merges, plans, and looks into model folders."""

from __future__ import annotations

import json
import os
import warnings as python_warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Optional, Sequence, Union, cast

from . import _native
from ._errors import AdmixWarning, UsageError
from ._inputs import Inputs, Model, PathLike, is_object, reference, text
from ._progress import Watch, Watching

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Recipe = Union[PathLike, Mapping[str, Any]]
"""A recipe file, or a recipe as a dict, in which models may be objects."""


@dataclass(frozen=True)
class Merged:
    """A merge in a folder."""

    path: str
    """The folder, which `SentenceTransformer(path)` loads."""
    method: str
    """The merge method."""
    models: list[str]
    """The folders that were merged."""
    tensors: int
    """Tensors that were written."""
    parameters: int
    """Numbers in them."""
    dtype: Optional[str]
    """Their format; None for several."""
    bytes_read: int
    """Bytes of tensors of the models."""
    bytes_written: int
    """Bytes of tensors of the merge."""
    seconds: float
    """How long it took."""
    warnings: list[str]
    """What was found and is probably not meant."""

    def __fspath__(self) -> str:
        return self.path

    def load(self, **arguments: Any) -> SentenceTransformer:
        """Loads the merge with sentence-transformers."""
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(self.path, **arguments)


@dataclass(frozen=True)
class Plan:
    """What a merge would do."""

    method: str
    """The merge method."""
    models: list[str]
    """The folders."""
    tensors: int
    """Tensors that would be written."""
    parameters: int
    """Numbers in them."""
    bytes_read: int
    """Bytes that would be read."""
    bytes_written: int
    """Bytes that would be written."""
    memory: Optional[int]
    """About how many bytes of memory it takes."""
    groups: list[dict[str, Any]]
    """Tensors that are treated alike, each group with `template`, `count`, `shapes`, `dtype`, `method`, `sources`, `parameters`."""
    warnings: list[str]
    """What is probably not meant."""
    details: dict[str, Any]
    """Everything, with the fields of `admix plan --json`."""


@dataclass(frozen=True)
class Method:
    """A merge method."""

    name: str
    """The name in recipes."""
    summary: str
    """What it does, in one line."""
    equation: str
    """The formula."""
    origin: str
    """Where it is from."""
    when: str
    """When to take it."""
    needs_base: bool
    """Whether it takes differences from a base model."""
    is_pair: bool
    """Whether it goes from one model, the base, to another one."""
    is_weighted: bool
    """Whether each model has a weight."""
    parameters: list[str]
    """The names of its parameters."""


def merge(
    recipe: Recipe,
    out: PathLike,
    *,
    variables: Optional[Mapping[str, Any]] = None,
    dtype: Optional[str] = None,
    seed: int = 0,
    allow: Iterable[str] = (),
    shard_size: Optional[int] = None,
    threads: int = 0,
    force: bool = False,
    progress: Watch = True,
) -> Merged:
    """Merges models into a folder, which appears when it is complete.

    `recipe` is a recipe file, or a dict with its keys, in which a model may be a `SentenceTransformer`. `variables` are the values
    of `${name}` in it. `allow` accepts disagreements of the models by their names in `--allow`. `force` replaces an earlier merge.
    """
    with Inputs() as inputs, Watching("merge", progress) as watch:
        request = _request(inputs.recipe(recipe, variables), dtype, seed, allow, shard_size, threads)
        found = json.loads(_native.merge(json.dumps({**request, "out": os.fspath(out), "force": force}), watch))
    warn(found["warnings"])
    return Merged(**{**found, "path": os.fspath(out)})


def blend(
    models: Union[Mapping[Any, float], Sequence[Any]],
    out: PathLike,
    *,
    method: str = "linear",
    base: Optional[Model] = None,
    parameters: Optional[Mapping[str, Any]] = None,
    settings: Optional[Mapping[str, Any]] = None,
    dtype: Optional[str] = None,
    seed: int = 0,
    allow: Iterable[str] = (),
    threads: int = 0,
    force: bool = False,
    progress: Watch = True,
) -> Merged:
    """Merges models by weight, without a recipe.

    `models` maps models to weights, or lists models, or pairs of both: `blend({"base": 0.4, "ko-en": 0.6}, "out")`. `parameters` are
    those of the method, such as `{"density": 0.3}`, and `settings` further keys of a recipe. For slerp the weights of two models
    are how far it goes from the first to the second.
    """
    with Inputs() as inputs:
        recipe = blend_recipe(inputs, _weighted(models), method, base, dict(parameters or {}))
        recipe.update(inputs.filled(dict(settings or {})))
        return merge(
            recipe, out, dtype=dtype, seed=seed, allow=allow, threads=threads, force=force, progress=progress
        )


def plan(
    recipe: Recipe,
    *,
    variables: Optional[Mapping[str, Any]] = None,
    dtype: Optional[str] = None,
    seed: int = 0,
    allow: Iterable[str] = (),
    shard_size: Optional[int] = None,
) -> Plan:
    """Says what a merge would do. Only headers and small files are read, and nothing is written."""
    with Inputs() as inputs:
        request = _request(inputs.recipe(recipe, variables), dtype, seed, allow, shard_size, 0)
        found = json.loads(_native.plan(json.dumps(request)))
    warn(found["warnings"])
    names = ("method", "models", "tensors", "parameters", "bytes_read", "bytes_written", "memory", "groups", "warnings")
    return Plan(**{name: found[name] for name in names}, details=found)


def inspect(
    model: Model,
    other: Optional[Model] = None,
    *,
    by: str = "name",
    allow: Iterable[str] = (),
    progress: Watch = True,
) -> dict[str, Any]:
    """Looks into a model folder, or compares two tensor by tensor.

    `by` groups tensors by their `name` but for the layer, by `layer`, or not at all (`tensor`). The fields are those of
    `admix inspect --json`.
    """
    with Inputs() as inputs, Watching("inspect", progress) as watch:
        request = {
            "folder": inputs.model(model, "left"),
            "other": None if other is None else inputs.model(other, "right"),
            "by": by,
            "allow": list(allow),
        }
        found: dict[str, Any] = json.loads(_native.inspect(json.dumps(request), watch))
    return found


def methods() -> list[Method]:
    """All merge methods."""
    return [Method(**method) for method in json.loads(_native.methods())]


def warn(said: Iterable[str]) -> None:
    """Passes warnings on to Python."""
    for line in said:
        python_warnings.warn(line, AdmixWarning, stacklevel=3)


def _request(
    recipe: dict[str, Any],
    dtype: Optional[str],
    seed: int,
    allow: Iterable[str],
    shard_size: Optional[int],
    threads: int,
) -> dict[str, Any]:
    allow = [allow] if isinstance(allow, str) else list(allow)
    return {
        "recipe": recipe,
        "dtype": dtype,
        "seed": seed,
        "allow": allow,
        "shard_size": shard_size,
        "threads": threads,
    }


def _weighted(models: Union[Mapping[Any, float], Sequence[Any]]) -> list[tuple[Model, float]]:
    """Models with their weights."""
    if isinstance(models, (str, os.PathLike)) or is_object(models):
        raise UsageError("one model is nothing to merge", "give a list, or a dict of models and weights")
    if isinstance(models, Mapping):
        return [(model, float(weight)) for model, weight in models.items()]
    pairs: list[tuple[Model, float]] = []
    for one in models:
        if isinstance(one, tuple) and len(one) == 2:
            pairs.append((cast(Model, one[0]), float(one[1])))
        else:
            pairs.append((cast(Model, one), 1.0))
    return pairs


def blend_recipe(
    inputs: Inputs,
    models: list[tuple[Model, float]],
    method: str,
    base: Optional[Model],
    parameters: dict[str, Any],
) -> dict[str, Any]:
    """The recipe of a blend."""
    known = {one.name: one for one in methods()}.get(method)
    folders = [(inputs.model(model), weight) for model, weight in models]
    start = None if base is None else inputs.model(base, "base")
    if known is not None and known.is_pair:
        # It begins with the base, which may stand among the models.
        if start is None and len(folders) == 2:
            start = folders[0][0]
        own = [weight for folder, weight in folders if folder == start]
        folders = [(folder, weight) for folder, weight in folders if folder != start]
        if method == "slerp" and own and len(folders) == 1 and "t" not in parameters:
            whole = own[0] + folders[0][1]
            if abs(whole) < 1e-12:
                raise UsageError("the weights sum to zero")
            parameters["t"] = round(folders[0][1] / whole, 12)
    recipe: dict[str, Any] = {"merge_method": method}
    if start is not None:
        recipe["base_model"] = reference(start)
    weighted = known is not None and known.is_weighted
    recipe["models"] = [
        {"model": reference(folder), "parameters": {"weight": weight}} if weighted else {"model": reference(folder)}
        for folder, weight in folders
    ]
    if parameters:
        recipe["parameters"] = parameters
    return recipe


__all__ = ["Merged", "Method", "Plan", "Recipe", "blend", "inspect", "merge", "methods", "plan", "text"]
