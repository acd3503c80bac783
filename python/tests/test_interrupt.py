"""Ctrl-C ends a call, and nothing is left behind."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

from .conftest import ROOT, data, retriever
from .program import admix

SWEEP = f"""
import sys, time, admix_merge
sys.stdout.write("ready\\n"); sys.stdout.flush()
try:
    admix_merge.sweep(base={retriever("base")!r}, models=[{retriever("cross-ko-en")!r}, {retriever("mono-ko")!r}],
                      data=[{data("ko-ko")!r}, {data("ko-en")!r}], store="study", progress=False)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_ends_a_sweep_and_what_is_scored_stays() -> None:
    child = subprocess.Popen([sys.executable, "-c", SWEEP], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    wait_for_a_result()
    child.send_signal(signal.SIGINT)
    begun = time.monotonic()
    said, _ = child.communicate(timeout=30)
    assert said == "interrupted\n" and child.returncode == 0
    assert time.monotonic() - begun < 5
    assert any(Path("study/done").iterdir())
    claims = Path("study/claim")
    assert not claims.is_dir() or not any(claims.iterdir())


def test_other_threads_of_python_run_while_a_sweep_works() -> None:
    import admix_merge as am

    ticks: list[float] = []
    over = threading.Event()

    def tick() -> None:
        while not over.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.005)

    clock = threading.Thread(target=tick)
    clock.start()
    begun = time.monotonic()
    am.score([retriever("base")] * 3, [data("ko-ko"), data("en-en"), data("ko-en")], progress=False)
    took = time.monotonic() - begun
    over.set()
    clock.join()
    gaps = [after - before for before, after in zip(ticks, ticks[1:])]
    # One long hold of the lock would be the whole call.
    assert len(ticks) > 3 and max(gaps) < max(0.5 * took, 0.5)


def test_the_program_is_installed_under_both_names() -> None:
    folder = Path(sysconfig.get_path("scripts"))
    for name in ("admix", "admix-merge"):
        found = subprocess.run([str(folder / name), "--version"], capture_output=True, text=True, check=True)
        assert found.stdout.startswith("admix ")
    refused = subprocess.run([str(folder / "admix"), "merge", "nowhere.yaml", "-o", "out"], capture_output=True, text=True)
    assert refused.returncode == 2 and "nowhere.yaml" in refused.stderr


def test_the_program_starts_workers_and_ctrl_c_ends_them() -> None:
    sweep = ROOT / "recipes" / "sweep.yaml"
    command = [sys.executable, "-m", "admix_merge", "sweep", "run", str(sweep), "--store", str(Path("study").absolute())]
    done = subprocess.run([*command, "-j", "2", "-q"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Recommended: w=" in done.stdout
    timings = json.loads(admix("sweep", "export", "study", "--json", "-"))["timings"]
    workers = {timing["worker"] for timing in timings.values()}
    assert len(workers) == 2
    shutil.rmtree("study")
    child = subprocess.Popen([*command, "-q"], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    wait_for_a_result()
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    assert child.returncode == 130


def wait_for_a_result() -> None:
    """Waits until a sweep has scored something."""
    results = Path("study/done")
    until = time.monotonic() + 60
    while time.monotonic() < until and not (results.is_dir() and any(results.iterdir())):
        time.sleep(0.02)


def test_the_version_is_that_of_the_program() -> None:
    import admix_merge as am

    lines = (ROOT / "Cargo.toml").read_text().splitlines()
    assert f'version = "{am.__version__}"' in lines
