"""Tables of text, and of pandas where it is installed."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Sequence

if TYPE_CHECKING:
    import pandas


def frame(rows: Sequence[dict[str, Any]]) -> pandas.DataFrame:
    """A table of pandas."""
    try:
        module: Any = importlib.import_module("pandas")
    except ModuleNotFoundError:
        raise ModuleNotFoundError("this needs pandas: pip install 'admix-merge[pandas]'", name="pandas") from None
    made: pandas.DataFrame = module.DataFrame(list(rows))
    return made


def table(lines: Sequence[Sequence[str]]) -> str:
    """Cells in columns."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))] if lines else []
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)
