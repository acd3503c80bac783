"""Checks model cards as the Hub reads them: `python check_cards.py FOLDER...`, each a merge that admix wrote.

Needs huggingface_hub. Prints what was read of each card, and ends with an error at the first that does not hold.
"""

import pathlib
import re
import sys

from huggingface_hub import ModelCard, ModelCardData
from huggingface_hub.repocard_data import model_index_to_eval_results


def check(folder: pathlib.Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    card = ModelCard(text)
    data = card.data.to_dict()
    assert "${" not in text, "the recipe has a variable"
    bases = data.get("base_model", [])
    for base in bases:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", base), f"`{base}` is no name on the Hub"
    assert ("base_model_relation" in data) == bool(bases)
    assert data.get("base_model_relation", "merge") == "merge"
    assert {"merge", "admix"} <= set(data["tags"])
    assert data["library_name"] in ("sentence-transformers", "transformers")
    # What is written again is what was read.
    again = ModelCardData(**{**data, "model_name": None} if "model-index" not in data else data)
    assert again.library_name == data["library_name"]
    results = card.data.eval_results or []
    if "model-index" in text.split("\n---\n")[0]:
        index = again.to_dict()["model-index"]
        name, read = model_index_to_eval_results(index)
        assert name == folder.name or name, name
        assert len(read) == len(results) > 0
        for result in read:
            assert result.task_type == "Retrieval" and result.dataset_name and result.dataset_type
            assert re.fullmatch(r"[a-z]+(_at_\d+)?", result.metric_type), result.metric_type
            assert 0 <= result.metric_value <= 100, result.metric_value
    for image in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
        assert (folder / image).is_file(), image
    print(f"{folder}: {len(results)} results, languages {data.get('language')}, licence {data.get('license')}, bases {bases}")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        check(pathlib.Path(argument))
