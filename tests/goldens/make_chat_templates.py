#!/usr/bin/env python3
"""Renders the named chat templates of src/recipe/read/templates with Jinja as transformers does: see README.md.

Writes chat_templates.json: for each template its text, and what it makes of three dialogues. Needs jinja2; no network.
"""

import json
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = Path(__file__).resolve().parent
QUESTION = {"role": "user", "content": "서울의 날씨는?"}
ANSWER = {"role": "assistant", "content": "Mild in autumn."}
AGAIN = {"role": "user", "content": " And in winter?\n"}
SYSTEM = {"role": "system", "content": "Answer in one line."}
DIALOGUES = {
    "question": ([QUESTION], True),
    "answered": ([QUESTION, ANSWER], False),
    "system": ([SYSTEM, QUESTION, ANSWER, AGAIN], True),
}


def render(text, messages, prompt, **options):
    template = ImmutableSandboxedEnvironment(**options).from_string(text)
    return template.render(messages=messages, add_generation_prompt=prompt, bos_token="<s>", eos_token="</s>")


def main():
    out = {}
    for path in sorted((HERE / "../../src/recipe/read/templates").glob("*.jinja")):
        text = path.read_text(encoding="utf-8").rstrip()
        entry = {"template": text}
        for name, (messages, prompt) in DIALOGUES.items():
            entry[name] = render(text, messages, prompt, trim_blocks=True, lstrip_blocks=True)
            # Other programs leave white space as it is.
            assert entry[name] == render(text, messages, prompt), (path.name, name)
        out[path.stem] = entry
    (HERE / "chat_templates.json").write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
