#!/usr/bin/env python3
"""Times merges against the floor of the machine, and against mergekit.

    speed.py WORK [--admix target/release/admix] [--rounds 9] [--size base] [--dtype float32] [--rows linear,slerp,ties]
             [--mergekit VENV/bin/mergekit-yaml] [--limit 300] [--python VENV/bin/python] [--json FILE]

Checkpoints are made once under WORK/SIZE (by make_checkpoints.py with --python, which needs torch). Without --rows they are linear and slerp of two models,
and ties of three models on a base; `--rows all` has every method. Every round runs, for each row and in alternating order,

    floor         cat of the inputs to /dev/null, then cp of one of them     against   admix merge --no-sync
    floor + sync  the same, then fsync of the copy                           against   admix merge

Old output is deleted and the disk synchronised before each run, and the inputs are read into the page cache first, so memory must hold
them. Times are medians of wall time in seconds, ratios are medians of the rounds' own ratios (spread: smallest to largest). Memory is the largest
resident set of the process, mapped pages included; readings below this script's own (about 15 MiB) cannot be told apart.
mergekit, when asked for, runs once a row, start of Python included, and is stopped at --limit seconds. The result is a Markdown table on stdout.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

FINE_TUNES = ["ko-ko", "ko-en", "en-en"]
ROWS = {
    # method and variant: models, base, parameters of a model, parameters of the merge
    "linear": (["base", "ko-ko"], None, {"weight": 0.5}, {}),
    "slerp": (["base", "ko-ko"], "base", {}, {"t": 0.4}),
    "ties": (FINE_TUNES, "base", {"weight": 0.5, "density": 0.3}, {}),
    "task_arithmetic": (FINE_TUNES, "base", {"weight": 0.5}, {}),
    "slerp_chain": (FINE_TUNES, None, {"weight": 1}, {}),
    "nuslerp": (FINE_TUNES[:2], "base", {"weight": 0.5}, {}),
    "nuslerp rows": (FINE_TUNES[:2], "base", {"weight": 0.5}, {"nuslerp_flatten": False}),
    "nuslerp columns": (FINE_TUNES[:2], "base", {"weight": 0.5}, {"nuslerp_flatten": False, "nuslerp_row_wise": True}),
    "multislerp": (FINE_TUNES, "base", {"weight": 0.5}, {}),
    "karcher": (FINE_TUNES, None, {}, {}),
    "model_stock": (FINE_TUNES, "base", {}, {}),
    "model_stock rows": (FINE_TUNES, "base", {}, {"filter_wise": True}),
    "breadcrumbs": (FINE_TUNES, "base", {"weight": 0.5, "density": 0.3}, {}),
    "breadcrumbs_ties": (FINE_TUNES, "base", {"weight": 0.5, "density": 0.3}, {}),
    "sce": (FINE_TUNES, "base", {}, {}),
    "sce selected": (FINE_TUNES, "base", {}, {"select_topk": 0.3}),
    "ram": (FINE_TUNES, "base", {}, {}),
    "ramplus_tl": (FINE_TUNES, "base", {}, {}),
    "nearswap": (FINE_TUNES[:1], "base", {}, {"t": 0.001}),
    "arcee_fusion": (FINE_TUNES[:1], "base", {}, {}),
    "dare_linear": (FINE_TUNES, "base", {"weight": 0.5, "density": 0.3}, {}),
    "dare_ties": (FINE_TUNES, "base", {"weight": 0.5, "density": 0.3}, {}),
    "della_linear": (FINE_TUNES, "base", {"weight": 0.5, "density": 0.3}, {}),
    "della": (FINE_TUNES, "base", {"weight": 0.5, "density": 0.3}, {}),
    "passthrough": (FINE_TUNES[:1], None, {"scale": 0.9}, {}),
}


def recipe(method, folder, dtype):
    models, base, own, shared = ROWS[method]
    # JSON is YAML
    text = {
        "merge_method": method.split()[0],
        "models": [{"model": str(folder / name), **({"parameters": own} if own else {})} for name in models],
        "dtype": dtype,
    }
    if base:
        text["base_model"] = str(folder / base)
    if shared:
        text["parameters"] = shared
    return json.dumps(text, indent=2)


def inputs(method, folder):
    models, base, _, _ = ROWS[method]
    names = dict.fromkeys(([base] if base else []) + models)
    return [folder / name / "model.safetensors" for name in names]


def run(command, log, limit=None):
    """Wall seconds, CPU seconds and peak resident MiB of one child, which is killed at the limit."""
    with open(log, "wb") as sink:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT)
        stop = threading.Timer(limit, child.kill) if limit else None
        if stop:
            stop.start()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        if stop:
            stop.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    stopped = limit and seconds >= limit and child.returncode == -signal.SIGKILL
    if child.returncode != 0 and not stopped:
        sys.exit(f"{shlex.join(map(str, command))} ended with {child.returncode}:\n{Path(log).read_text(errors='replace')[-4000:]}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def clean(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    os.sync()


def warm(paths):
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 24):
                pass


def floor(sources, copy, sync):
    command = f"cat {shlex.join(map(str, sources))} > /dev/null && cp --reflink=never {shlex.quote(str(sources[0]))} {shlex.quote(str(copy))}"
    if sync:
        command += f" && sync {shlex.quote(str(copy))}"
    return ["sh", "-c", command]


def rounds(row, options, scratch):
    """Times of every command, one list a command, and the peak memory of admix."""
    sources, out, copy, log = row["inputs"], scratch / "out", scratch / "copy", scratch / "log"
    admix = [options.admix, "merge", row["recipe"], "-o", out]
    commands = {
        "floor": (floor(sources, copy, False), copy),
        "admix_no_sync": ([*admix, "--no-sync"], out),
        "floor_sync": (floor(sources, copy, True), copy),
        "admix": (admix, out),
    }
    times = {name: [] for name in commands}
    processor = {name: [] for name in commands}
    peak = 0.0
    for index in range(options.rounds):
        order = list(commands) if index % 2 == 0 else ["admix_no_sync", "floor", "admix", "floor_sync"]
        for name in order:
            command, output = commands[name]
            clean(output)
            seconds, busy, memory = run(command, log)
            times[name].append(seconds)
            processor[name].append(busy)
            if name.startswith("admix"):
                peak = max(peak, memory)
            clean(output)
    return times, processor, peak


def ratio(above, below):
    ratios = [a / b for a, b in zip(above, below)]
    return {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}


def measure(method, folder, options, scratch):
    path = scratch / f"{method}.yaml"
    path.write_text(recipe(method, folder, options.dtype))
    row = {"method": method, "size": options.size, "dtype": options.dtype, "recipe": path, "inputs": inputs(method, folder)}
    result = {key: row[key] for key in ("method", "size", "dtype")}
    result["input_bytes"] = sum(source.stat().st_size for source in row["inputs"])
    warm(row["inputs"])
    if options.admix and options.rounds:
        times, processor, peak = rounds(row, options, scratch)
        result.update(
            times=times,
            median={name: statistics.median(values) for name, values in times.items()},
            processor={name: statistics.median(values) for name, values in processor.items()},
            ratio_no_sync=ratio(times["admix_no_sync"], times["floor"]),
            ratio_sync=ratio(times["admix"], times["floor_sync"]),
            admix_peak_mib=peak,
        )
    if options.mergekit:
        out = scratch / "mergekit"
        clean(out)
        command = [options.mergekit, path, out, "--no-copy-tokenizer", "--no-write-model-card", "--quiet"]
        seconds, busy, memory = run(command, scratch / "log", options.limit)
        clean(out)
        result.update(mergekit_seconds=seconds, mergekit_processor=busy, mergekit_peak_mib=memory)
        result["mergekit_finished"] = options.limit is None or seconds < options.limit
    return result


def table(results):
    head = ["merge", "inputs", "floor", "admix --no-sync", "ratio", "floor + sync", "admix", "ratio", "admix peak", "mergekit", "mergekit peak"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for r in results:
        cells = [f"{r['method']}, {r['size']} {r['dtype']}", f"{r['input_bytes'] / 2**30:.2f} GiB"]
        if "median" in r:
            for names, key in ((("floor", "admix_no_sync"), "ratio_no_sync"), (("floor_sync", "admix"), "ratio_sync")):
                cells += [f"{r['median'][name]:.2f} s" for name in names]
                cells.append("{median:.2f} ({low:.2f} to {high:.2f})".format(**r[key]))
            cells.append(f"{r['admix_peak_mib']:.0f} MiB")
        else:
            cells += [""] * 7
        over = "" if r.get("mergekit_finished", True) else "over "
        cells += [f"{over}{r['mergekit_seconds']:.1f} s", f"{r['mergekit_peak_mib']:.0f} MiB"] if "mergekit_seconds" in r else [""] * 2
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder for checkpoints and outputs, on the disk to measure")
    parser.add_argument("--admix", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--size", default="base", choices=["tiny", "base", "large"])
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16", "bfloat16"])
    parser.add_argument("--rows", default="linear,slerp,ties", help="comma-separated: " + ", ".join(ROWS))
    parser.add_argument("--mergekit", type=Path)
    parser.add_argument("--limit", type=float, help="seconds after which mergekit is stopped")
    parser.add_argument("--python", default=sys.executable, help="interpreter with torch and transformers, to make checkpoints")
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    options = parser.parse_args()
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

    rows = list(ROWS) if options.rows == "all" else options.rows.split(",")
    folder = options.work.resolve() / (options.size if options.dtype == "float32" else f"{options.size}-{options.dtype}")
    needed = {path.parent.name for method in rows for path in inputs(method, folder)}
    names = [name for name in ("base", "ko-ko", "ko-en", "en-en") if name in needed]
    maker = Path(__file__).resolve().with_name("make_checkpoints.py")
    if not all((folder / name / "model.safetensors").exists() for name in names):
        command = [options.python, maker, folder, "--size", options.size, "--dtype", options.dtype, "--models", ",".join(names)]
        subprocess.run(command, check=True, stdout=sys.stderr)

    results = []
    with tempfile.TemporaryDirectory(dir=options.work, prefix="speed-") as scratch:
        for method in rows:
            results.append(measure(method, folder, options, Path(scratch)))
            print(f"{method}: done", file=sys.stderr)
            if options.json:
                options.json.write_text(json.dumps(results, indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
