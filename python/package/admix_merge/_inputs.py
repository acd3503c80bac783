"""Models and data sets as they are given: folders, names on the Hub, or objects of sentence-transformers."""

from __future__ import annotations

import inspect
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Iterable, Mapping, Optional, Protocol, Union, cast, runtime_checkable

from ._errors import UsageError


@runtime_checkable
class SavesPretrained(Protocol):
    """An object with the weights of a model, such as a `SentenceTransformer`."""

    def save_pretrained(self, path: str, /) -> Any:
        """Writes the model into a folder."""


@runtime_checkable
class Evaluator(Protocol):
    """An `InformationRetrievalEvaluator` of sentence-transformers."""

    queries: list[str]
    queries_ids: list[str]
    corpus: list[str]
    corpus_ids: list[str]
    relevant_docs: Mapping[str, Any]


PathLike = Union[str, "os.PathLike[str]"]

Model = Union[PathLike, SavesPretrained]
"""A model folder, a name on the Hub that is in the local cache, or a `SentenceTransformer`."""

Judged = tuple[Mapping[str, str], Mapping[str, str], Mapping[str, Any]]

Data = Union[PathLike, Evaluator, Judged]
"""A data set: a folder, a name, an `InformationRetrievalEvaluator`, or its arguments (queries, corpus, relevant_docs)."""


def is_object(value: object) -> bool:
    """Whether a value is a model in memory."""
    return not isinstance(value, (str, os.PathLike)) and hasattr(value, "save_pretrained")


class Inputs:
    """Folders of what was given. Objects are written into a temporary folder, or into `keep`, which stays."""

    def __init__(self, keep: Optional[PathLike] = None) -> None:
        self._keep = None if keep is None else Path(keep)
        self._temporary: Optional[tempfile.TemporaryDirectory[str]] = None
        self._written: dict[int, tuple[object, str]] = {}
        self._names: set[str] = set()

    def __enter__(self) -> Inputs:
        return self

    def __exit__(self, *_: object) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()

    def is_temporary(self) -> bool:
        """Whether anything was written that does not stay."""
        return self._temporary is not None

    def _folder(self, name: str) -> Path:
        """A folder of that name, which nothing else of this call has."""
        if self._keep is not None:
            parent = self._keep
        else:
            if self._temporary is None:
                self._temporary = tempfile.TemporaryDirectory(prefix="admix-")
            parent = Path(self._temporary.name)
        plain = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name).strip(".") or "unnamed"
        unique, number = plain, 2
        while unique in self._names:
            unique, number = f"{plain}-{number}", number + 1
        self._names.add(unique)
        folder = parent / unique
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def model(self, model: Model, name: str = "model") -> str:
        """The folder or name of a model."""
        if isinstance(model, (str, os.PathLike)):
            return os.fspath(model)
        if not is_object(model):
            raise UsageError(
                f"a model is a folder or has `save_pretrained`, found {type(model).__name__}",
                "give the folder that sentence-transformers saved, or the SentenceTransformer",
            )
        known = self._written.get(id(model))
        if known is None:
            folder = self._folder(name)
            _save(model, folder)
            known = (model, os.fspath(folder))
            self._written[id(model)] = known
        return known[1]

    def data(self, data: Data, name: str = "data") -> str:
        """The folder or name of a data set."""
        if isinstance(data, (str, os.PathLike)):
            return os.fspath(data)
        if isinstance(data, tuple) and len(data) == 3:
            queries, corpus, relevant = data
        elif isinstance(data, Evaluator):
            name = getattr(data, "name", "") or name
            queries = dict(zip(data.queries_ids, data.queries))
            corpus = dict(zip(data.corpus_ids, data.corpus))
            relevant = data.relevant_docs
        else:
            raise UsageError(
                f"a data set is a folder, a name, an evaluator or its three arguments, found {type(data).__name__}",
                "give (queries, corpus, relevant_docs), as InformationRetrievalEvaluator takes them",
            )
        folder = self._folder(name)
        _write_data(folder, queries, corpus, relevant)
        return os.fspath(folder)

    def recipe(self, recipe: Union[PathLike, Mapping[str, Any]], variables: Optional[Mapping[str, Any]]) -> dict[str, Any]:
        """A recipe as the native module takes it."""
        values = {name: str(value) for name, value in (variables or {}).items()}
        if isinstance(recipe, (str, os.PathLike)):
            return {"file": os.fspath(recipe), "variables": values}
        return {"text": text(self.filled(recipe)), "variables": values}

    def filled(self, value: Any) -> Any:
        """A recipe with folders in place of models in memory."""
        if isinstance(value, Mapping):
            return {str(key): self.filled(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.filled(inner) for inner in value]
        if isinstance(value, os.PathLike) or is_object(value):
            return reference(self.model(cast(Model, value)))
        return value


def reference(model: str) -> Any:
    """A model as recipes name it: `+`, `@` and `${` mean something there, and nothing in the name of a folder."""
    plain = model.replace("${", "$${")
    return {"model": {"path": plain}} if set(model) & set("+@") and os.path.exists(model) else plain


def text(recipe: Any) -> str:
    """A dict as the text of a recipe, in which messages have their lines."""
    try:
        return json.dumps(recipe, indent=1, ensure_ascii=False)
    except TypeError as error:
        raise UsageError(f"the dict cannot be written as YAML: {error}") from None


def _save(model: Any, folder: Path) -> None:
    # A model card of an unfinished model takes long and is not read.
    try:
        takes = set(inspect.signature(model.save_pretrained).parameters)
    except (TypeError, ValueError):
        takes = set()
    wanted = {"create_model_card": False, "safe_serialization": True}
    model.save_pretrained(os.fspath(folder), **{name: value for name, value in wanted.items() if name in takes})


def _write_data(
    folder: Path, queries: Mapping[str, str], corpus: Mapping[str, str], relevant: Mapping[str, Any]
) -> None:
    """Writes a data set in BEIR's form."""

    def lines(name: str, texts: Iterable[tuple[str, str]]) -> None:
        with open(folder / name, "w", encoding="utf-8") as out:
            for key, value in texts:
                out.write(json.dumps({"_id": str(key), "text": value}, ensure_ascii=False) + "\n")

    lines("queries.jsonl", queries.items())
    lines("corpus.jsonl", corpus.items())
    (folder / "qrels").mkdir(exist_ok=True)
    with open(folder / "qrels" / "test.tsv", "w", encoding="utf-8") as out:
        out.write("query-id\tcorpus-id\tscore\n")
        for query, documents in relevant.items():
            grades = documents.items() if isinstance(documents, Mapping) else ((one, 1) for one in sorted(documents))
            for document, grade in grades:
                out.write(f"{query}\t{document}\t{grade}\n")
