"""The bundled models and data sets, and a folder of its own for each test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterator

import pytest

ROOT = Path(__file__).resolve().parents[2]
RETRIEVERS = ROOT / "fixtures" / "retrievers"
SETS = ROOT / "fixtures" / "bilingual"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path) -> Iterator[Path]:
    """Every test runs in an empty folder."""
    before = os.getcwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


def retriever(name: str) -> str:
    """A bundled retriever."""
    return str(RETRIEVERS / name)


def data(name: str) -> str:
    """A bundled data set."""
    return str(SETS / name)


def sentence_transformers() -> Any:
    """sentence-transformers, or a reason to skip."""
    return pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
