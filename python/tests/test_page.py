"""The examples of the manual's page run as they stand there."""

from __future__ import annotations

import functools
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

import admix_merge as am

from .conftest import ROOT, data, retriever, sentence_transformers
from .test_score import read

PAGE = ROOT / "docs" / "src" / "guides" / "python.md"


def test_every_example_of_the_page_runs(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, folder in {"base": "base", "ko-en": "cross-ko-en", "ko-ko": "mono-ko"}.items():
        (own_folder / name).symlink_to(retriever(folder))
    (own_folder / "sets").mkdir()
    for name in ("ko-ko", "ko-en"):
        (own_folder / "sets" / name).symlink_to(data(name))
    (own_folder / "recipe.yaml").write_text(
        'merge_method: task_arithmetic\nbase_model: base\nmodels:\n  - model: ko-en\n    parameters: {weight: "${w}"}\n'
    )
    # Examples write into the same folder again and again, and leave the defaults as they are.
    monkeypatch.setattr(am, "merge", functools.partial(am.merge, force=True))
    monkeypatch.setattr(am, "blend", functools.partial(am.blend, force=True))
    monkeypatch.setattr(am, "learn", functools.partial(am.learn, pairs=16, tokens=16, variables={"w": 0.5}))
    names: dict[str, Any] = {"base": "base", "tuned": "ko-en", "model": "base", "other": "ko-en"}
    has_library = importlib.util.find_spec("sentence_transformers") is not None
    if has_library:
        # Both in memory, because transformers adds a pooler that the folders lack.
        names["other"] = sentence_transformers().SentenceTransformer("base")
        exec("from sentence_transformers import SentenceTransformer", names)
        exec("from sentence_transformers.evaluation import InformationRetrievalEvaluator", names)
        queries, corpus, relevant = read(data("ko-en"))
        judged = {query: set(documents) for query, documents in relevant.items()}
        names.update(queries=queries, corpus=corpus, relevant_docs=judged)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 8
    for block in blocks:
        if "= SentenceTransformer(" in block and not has_library:
            continue
        exec(compile(block, str(PAGE), "exec"), names)
    assert (own_folder / "picked").is_dir() and (own_folder / "learned").is_dir()
