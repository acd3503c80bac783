"""Merges, blends, plans and inspections from Python."""

from __future__ import annotations

import json
import struct
from array import array
from pathlib import Path
from typing import Any

import pytest

import admix_merge as am

from .conftest import retriever, sentence_transformers

BASE, TUNED = retriever("base"), retriever("cross-ko-en")


def floats(folder: str) -> dict[str, list[float]]:
    """The float16 tensors of a folder, read without admix."""
    raw = (Path(folder) / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    found = {}
    for name, tensor in header.items():
        if name != "__metadata__":
            assert tensor["dtype"] == "F16"
            start, end = tensor["data_offsets"]
            body = raw[8 + length + start : 8 + length + end]
            found[name] = [value for (value,) in struct.iter_unpack("<e", body)]
    return found


def rounded(value: float) -> float:
    """The nearest float16 of a float32."""
    (single,) = array("f", [value])
    (half,) = struct.unpack("<e", struct.pack("<e", single))
    return float(half)


def test_a_blend_is_the_weighted_average_of_the_tensors() -> None:
    merged = am.blend({BASE: 0.25, TUNED: 0.75}, "out", progress=False)
    assert merged.path == "out" and merged.method == "linear"
    one, other, found = floats(BASE), floats(TUNED), floats("out")
    assert set(found) == set(one)
    for name in ("embeddings.word_embeddings.weight", "encoder.layer.0.attention.self.query.weight"):
        key = name if name in found else next(key for key in found if key.endswith(name))
        expected = [rounded(0.25 * a + 0.75 * b) for a, b in zip(one[key], other[key])]
        assert found[key] == expected


def test_a_recipe_is_a_file_or_a_dict_and_gives_the_same_bytes() -> None:
    recipe = {
        "merge_method": "task_arithmetic",
        "base_model": BASE,
        "models": [{"model": Path(TUNED), "parameters": {"weight": "${w}"}}],
    }
    Path("recipe.yaml").write_text(json.dumps({**recipe, "models": [{"model": TUNED, "parameters": {"weight": "${w}"}}]}))
    am.merge(recipe, "dict", variables={"w": 0.3}, progress=False)
    am.merge("recipe.yaml", "file", variables={"w": 0.3}, progress=False)
    assert Path("dict/model.safetensors").read_bytes() == Path("file/model.safetensors").read_bytes()


def test_slerp_takes_the_weights_as_how_far_it_goes() -> None:
    am.blend({BASE: 0.4, TUNED: 0.6}, "out", method="slerp", progress=False)
    am.merge(
        {"merge_method": "slerp", "base_model": BASE, "models": [{"model": TUNED}], "parameters": {"t": 0.6}},
        "recipe",
        progress=False,
    )
    assert Path("out/model.safetensors").read_bytes() == Path("recipe/model.safetensors").read_bytes()


def test_an_output_that_is_there_is_replaced_only_with_force() -> None:
    am.blend([BASE, TUNED], "out", progress=False)
    with pytest.raises(am.UsageError, match="`out`") as caught:
        am.blend([BASE, TUNED], "out", progress=False)
    assert caught.value.exit_code == 2 and caught.value.hint
    am.blend([BASE, TUNED], "out", force=True, progress=False)


def test_a_mistake_in_a_recipe_names_file_line_and_hint() -> None:
    Path("recipe.yaml").write_text(
        f"merge_method: ties\nbase_model: {BASE}\nmodels:\n  - model: {TUNED}\nparameters:\n  densty: 0.2\n"
    )
    with pytest.raises(am.UsageError) as caught:
        am.merge("recipe.yaml", "out", progress=False)
    error = caught.value
    fault = next(fault for fault in error.faults if "densty" in fault.message)
    assert (fault.file, fault.line, fault.hint) == ("recipe.yaml", 6, "did you mean `density`?")
    assert "recipe.yaml:6" in str(error) and isinstance(error, ValueError)
    assert not Path("out").exists()


def test_a_model_that_is_not_there_is_an_error_with_the_code_of_the_program() -> None:
    with pytest.raises(am.AdmixError) as caught:
        am.blend(["nowhere", BASE], "out", progress=False)
    assert "nowhere" in caught.value.message


def test_a_damaged_checkpoint_is_refused() -> None:
    folder = Path("broken")
    folder.mkdir()
    for file in Path(BASE).iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / "model.safetensors").write_bytes(b"\xff" * 64)
    (folder / "modules.json").unlink()
    with pytest.raises(am.InputError) as caught:
        am.inspect("broken")
    assert caught.value.exit_code == 3


def test_a_plan_says_what_a_merge_would_do_and_writes_nothing() -> None:
    found = am.plan({"merge_method": "linear", "models": [
        {"model": BASE, "parameters": {"weight": 1}},
        {"model": TUNED, "parameters": {"weight": 1}},
    ]})
    assert (found.method, found.tensors) == ("linear", len(floats(BASE)))
    assert found.parameters == sum(len(values) for values in floats(BASE).values())
    assert list(Path(".").iterdir()) == []


def test_inspect_shows_a_folder_and_where_two_differ() -> None:
    found = am.inspect(BASE)
    assert found["parameters"] == sum(len(values) for values in floats(BASE).values())
    differences = am.inspect(BASE, TUNED, by="layer")
    (whole,) = [group for group in differences["groups"] if group["name"] == "all"]
    assert 0 < whole["relative_norm"] < 1
    same = am.inspect(BASE, BASE)["groups"][-1]
    assert same["equal_share"] == 1.0


def test_methods_are_those_of_the_program() -> None:
    names = {method.name: method for method in am.methods()}
    assert {"linear", "slerp", "ties"} <= set(names)
    assert names["slerp"].is_pair and names["ties"].needs_base and names["linear"].is_weighted


def test_progress_is_told_to_a_function_and_its_exception_ends_the_merge() -> None:
    seen: list[am.Progress] = []
    am.blend([BASE, TUNED], "out", progress=seen.append)
    assert all(0 <= progress.done <= progress.total for progress in seen)

    class Enough(Exception):
        pass

    def stop(_: am.Progress) -> None:
        raise Enough

    with pytest.raises(Enough):
        am.score([BASE], [retriever("../bilingual/ko-ko")], progress=stop)


def test_models_in_memory_are_merged_and_the_merge_loads() -> None:
    library: Any = sentence_transformers()
    one = library.SentenceTransformer(BASE, model_kwargs={"dtype": "float32"})
    other = library.SentenceTransformer(TUNED, model_kwargs={"dtype": "float32"})
    merged = am.blend([(one, 0.25), (other, 0.75)], "out", progress=False)
    state, rest = one.state_dict(), other.state_dict()
    found = merged.load().state_dict()
    for name, tensor in found.items():
        expected = 0.25 * state[name] + 0.75 * rest[name]
        assert (tensor - expected).abs().max() <= 1e-6 * expected.abs().max().clamp(min=1e-3)
