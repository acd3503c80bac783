"""Progress of long calls: a bar in notebooks and terminals, or a function of the caller."""

from __future__ import annotations

import base64
import html
import importlib
import json
import sys
import time
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

from . import _native


@dataclass(frozen=True)
class Progress:
    """How far a call is."""

    done: int
    """What is done: bytes of a merge or of texts, texts of a trial, how often all texts were encoded."""
    total: int
    """The amount in total."""
    event: Optional[dict[str, Any]] = None
    """What happened since the last call, with its name under `event`; None where only `done` has changed."""


Watch = Union[bool, Callable[[Progress], object]]
"""True for a bar in notebooks and terminals, False for none, or a function."""

Native = Callable[[int, int, "list[str]"], object]


class Bar:
    """A bar whose last line is replaced again and again."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.note = ""
        self.lines: list[str] = []
        self.share = 0.0
        self.store: Optional[str] = None
        self._before = (0, 1)
        self._shown = 0.0

    def __call__(self, done: int, total: int, events: list[str]) -> None:
        for text in events:
            self.on(json.loads(text))
        within = done / total if total else 0.0
        settled, planned = self._before
        self.share = min((settled + min(within, 1.0)) / max(planned, 1), 1.0)
        now = time.monotonic()
        if now - self._shown >= self.pause():
            self._shown = now
            self.show()

    def pause(self) -> float:
        """Seconds between two pictures."""
        return 0.1

    def on(self, event: dict[str, Any]) -> None:
        """Takes in what happened."""
        kind = event["event"]
        if kind == "begun" and "planned" in event:
            left = event.get("seconds_left")
            self._before = (event["settled"], event["planned"])
            self.note = f"{event['label']} ({event['settled'] + 1}/{event['planned']}){_left(left)}"
        elif kind == "begun":
            self.note = f"{event['coefficients']} numbers from {event['pairs']} pairs"
        elif kind == "model":
            self._before = (event["index"], event["count"])
            self.note = str(event["label"])
        elif kind == "scored":
            values = "  ".join(f"{name} {value:.4f}" for name, value in event["objectives"].items())
            self.say(f"{event['label']}  {values}  {event['seconds']:.1f} s")
        elif kind == "failed":
            self.say(f"{event['label']} failed ({event['attempt']} of 3): {event['error']}")
        elif kind == "step":
            self.note = f"step {event['step']}, loss {event['loss']:.4f}"
        elif kind == "validated":
            self.say(f"step {event['step']}: loss {event['loss']:.4f} on validation pairs")
        elif kind == "scoring":
            self.note = f"scoring {event['what']}"
        elif kind == "study":
            self.store = event["store"]

    def say(self, line: str) -> None:
        """Keeps a line."""
        self.lines.append(line)

    def show(self) -> None:
        """Shows the state."""

    def close(self, finished: bool) -> None:
        """Shows the last state."""


class Terminal(Bar):
    """A bar on stderr."""

    def say(self, line: str) -> None:
        self._clear()
        print(_plain(line), file=sys.stderr)

    def show(self) -> None:
        filled = round(self.share * 20)
        line = f"{self.what} [{'#' * filled}{'.' * (20 - filled)}] {self.share:4.0%}  {_plain(self.note)}"
        print(f"\r\x1b[2K{line[:100]}", end="", file=sys.stderr, flush=True)

    def close(self, finished: bool) -> None:
        self._clear()

    def _clear(self) -> None:
        print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


class Notebook(Bar):
    """A bar below the cell, with the curve of a sweep as it grows."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self._handle: Any = None
        self._figure = ""
        self._drawn = 0
        self._at = 0.0

    def pause(self) -> float:
        return 0.5

    def show(self) -> None:
        self._draw(False)

    def close(self, finished: bool) -> None:
        self.share = 1.0 if finished else self.share
        self.note = "" if finished else "interrupted"
        self._draw(True)

    def _draw(self, last: bool) -> None:
        shown: Any = importlib.import_module("IPython.display")
        # Reading a study takes time that the sweep could use.
        due = last or time.monotonic() - self._at >= 3.0
        if self.store is not None and due and len(self.lines) > self._drawn:
            self._drawn, self._at = len(self.lines), time.monotonic()
            self._figure = _picture(_curve(self.store))
        recent = "\n".join(self.lines[-5:])
        page = (
            f"<div><progress value='{self.share:.3f}' max='1' style='width:20em'></progress> "
            f"{html.escape(self.what)} {self.share:.0%} <small>{html.escape(self.note)}</small>"
            f"<pre style='margin:0'>{html.escape(recent)}</pre>{self._figure}</div>"
        )
        if self._handle is None:
            self._handle = shown.display(shown.HTML(page), display_id=True)
        else:
            self._handle.update(shown.HTML(page))


def _curve(store: str) -> str:
    """The figure of a study that says most while it runs."""
    try:
        figures: dict[str, str] = dict(json.loads(_native.figures(store)))
    except Exception:  # A picture is no reason to end a sweep.
        return ""
    return figures.get("curve.svg", figures.get("front.svg", ""))


def _picture(svg: str) -> str:
    """A figure whose styles stay its own."""
    if not svg:
        return ""
    coded = base64.b64encode(svg.encode()).decode()
    return f"<img alt='' style='max-width:100%' src='data:image/svg+xml;base64,{coded}'>"


def _left(seconds: Optional[float]) -> str:
    if seconds is None:
        return ""
    return f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"


def _plain(line: str) -> str:
    """A text without what a terminal would act on."""
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook."""
    shell = sys.modules.get("IPython")
    if shell is None:
        return False
    running = shell.get_ipython()
    return running is not None and "IPKernelApp" in running.config


class Watching:
    """Shows the progress of a call while it runs."""

    def __init__(self, what: str, watch: Watch) -> None:
        self.bar: Optional[Bar] = None
        self.native: Optional[Native] = None
        if callable(watch):
            self.native = _calls(watch)
        elif watch and in_notebook():
            self.bar = Notebook(what)
        elif watch and sys.stderr is not None and sys.stderr.isatty():
            self.bar = Terminal(what)
        if self.bar is not None:
            self.native = self.bar

    def __enter__(self) -> Optional[Native]:
        return self.native

    def __exit__(self, kind: Optional[type[BaseException]], *_: object) -> None:
        if self.bar is not None:
            self.bar.close(kind is None)


def _calls(watch: Callable[[Progress], object]) -> Native:
    def native(done: int, total: int, events: list[str]) -> None:
        for text in events:
            watch(Progress(done, total, json.loads(text)))
        if not events:
            watch(Progress(done, total))

    return native
