"""Learns a recipe's weights from pairs of queries and documents."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence

from . import _native
from ._errors import UsageError
from ._inputs import Inputs, PathLike
from ._merging import Merged, Recipe, merge, warn
from ._progress import Watch, Watching
from ._scoring import DataSets, named_data
from ._tables import frame

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Learned:
    """A recipe whose weights were learned."""

    recipe: str
    """The recipe as YAML, with comments that say what held-out queries gave."""
    coefficients: list[dict[str, Any]]
    """The values, each with `parameter`, `model`, `group`, `start` and `value`."""
    held_out: list[dict[str, Any]]
    """nDCG@10 of held-out queries before and after, one entry for each data set and direction."""
    mean: Optional[dict[str, Any]]
    """The mean of those that were learned from; None for one."""
    rounds: int
    """Rounds that made the validation pairs better; with 0 the values are the recipe's own."""
    seconds: float
    """How long it took."""
    warnings: list[str]
    """What is to be known."""
    details: dict[str, Any]
    """Everything, with the fields of `admix learn --json`."""

    def save(self, path: PathLike) -> None:
        """Writes the recipe."""
        Path(path).write_text(self.recipe, encoding="utf-8")

    def merge(self, out: PathLike, **options: Any) -> Merged:
        """Merges the recipe into a folder. The options are those of `merge`."""
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            # A recipe as text, whose models are found from the current folder.
            path = Path(folder) / "learned.yaml"
            self.save(path)
            return merge(path, out, **options)

    def to_pandas(self) -> pandas.DataFrame:
        """A table of the values."""
        return frame(self.coefficients)


def learn(
    recipe: Recipe,
    data: DataSets = (),
    *,
    report: DataSets = (),
    unlabelled: Optional[Mapping[str, Sequence[str]]] = None,
    variables: Optional[Mapping[str, Any]] = None,
    by: Optional[str] = None,
    parameters: Sequence[str] = (),
    freeze: Sequence[str] = (),
    split: Optional[str] = None,
    rounds: Optional[int] = None,
    pairs: Optional[int] = None,
    tokens: Optional[int] = None,
    temperature: Optional[float] = None,
    reach: Optional[float] = None,
    guard: Optional[float] = None,
    regularize: Optional[float] = None,
    hold_out: Optional[float] = None,
    seed: int = 0,
    query_prompt: Optional[str] = None,
    document_prompt: Optional[str] = None,
    device: Optional[str] = None,
    dtype: Optional[str] = None,
    max_length: Optional[int] = None,
    allow: Sequence[str] = (),
    state: Optional[PathLike] = None,
    keep_models: Optional[PathLike] = None,
    progress: Watch = True,
) -> Learned:
    """Learns the weights of a recipe, a number for each layer, part, tensor or script of the vocabulary.

    The options are those of `admix learn`; what is left out has its defaults. `unlabelled` maps models of the recipe to texts on which
    the merge is to agree with them. `state` is a file from which an interrupted call goes on. `keep_models` is a folder for
    models in memory: the recipe that is returned refers to them.
    """
    with Inputs(keep_models) as inputs, Inputs() as sets, Watching("learn", progress) as watch:
        given = inputs.recipe(recipe, variables)
        if inputs.is_temporary():
            raise UsageError("the learned recipe would refer to models that are gone", "`keep_models=FOLDER` keeps them")
        request = {
            "recipe": given,
            "data": [sets.data(one, name) for name, one in zip(*named_data(data))],
            "report": [sets.data(one, name) for name, one in zip(*named_data(report))],
            "unlabelled": [[model, list(texts)] for model, texts in (unlabelled or {}).items()],
            "split": split,
            "by": by,
            "parameters": list(parameters),
            "freeze": list(freeze),
            "rounds": rounds,
            "pairs": pairs,
            "tokens": tokens,
            "temperature": temperature,
            "reach": reach,
            "guard": guard,
            "regularisation": regularize,
            "hold_out": hold_out,
            "seed": seed,
            "query_prompt": query_prompt,
            "document_prompt": document_prompt,
            "encoder": {"device": device, "dtype": dtype, "max_length": max_length},
            "allow": list(allow),
            "state": None if state is None else os.fspath(state),
        }
        found = json.loads(_native.learn(json.dumps(request), watch))
    warn(found["warnings"])
    names = ("recipe", "coefficients", "held_out", "mean", "rounds", "seconds", "warnings")
    return Learned(**{name: found[name] for name in names}, details=found)
