"""The notebook runs from its first cell to its last."""

from __future__ import annotations

import ast
import importlib.util
import json
from pathlib import Path
from typing import Any

import admix_merge as am

from .conftest import ROOT

NOTEBOOK = ROOT / "python" / "tutorial.ipynb"


def run(cell: str, names: dict[str, Any]) -> Any:
    """Runs a cell as a notebook does, and gives the value of its last line."""
    tree = ast.parse(cell)
    last = tree.body[-1] if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    if last is None:
        exec(compile(tree, str(NOTEBOOK), "exec"), names)
        return None
    exec(compile(ast.Module(tree.body[:-1], []), str(NOTEBOOK), "exec"), names)
    return eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names)


def test_the_tutorial_runs_and_its_merge_gains_across_languages(own_folder: Path) -> None:
    (own_folder / "fixtures").symlink_to(ROOT / "fixtures")
    names: dict[str, Any] = {}
    shown = []
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        # A cell that needs another package says so; it is left out where that is not installed.
        needs = [tag.replace("-", "_") for tag in cell["metadata"].get("tags", [])]
        if cell["cell_type"] == "code" and all(importlib.util.find_spec(name) for name in needs):
            shown.append(run("".join(cell["source"]), names))
    assert any(isinstance(value, am.Study) for value in shown)
    assert any(isinstance(value, am.Figure) for value in shown)
    compared = next(value for value in reversed(shown) if isinstance(value, am.Scores))
    gains = {row.dataset: row.difference for row in compared if row.difference is not None}
    assert len(gains) == 3
    assert max(gains.values()) > 0.05 and min(gains.values()) > -0.05
