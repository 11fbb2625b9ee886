"""Writes docs/models.md from the catalogue: every model, every parameter, its default and its limits.

    python scripts/docs/models_page.py [--check]

With `--check` it writes nothing; the exit status is 1 if the page differs from the catalogue.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay.cli.tables import continues_text, inputs_text, price_text, seconds_text
from tracklay.models import SHIPPED, Model, Parameter, load_catalogue

PAGE = ROOT / "docs" / "models.md"

HEAD = """\
# The catalogue

Generated from `addon/tracklay/models/catalogue/` by `scripts/docs/models_page.py`; a test compares both. Tracklay itself fills a
parameter with a role, from the option or the field of that name. Set all others with `--set NAME=VALUE`, or in Blender's sidebar.
"""


def page(catalogue: dict[str, Model]) -> str:
    """Return the text of the page."""
    shown = sorted(catalogue.values(), key=lambda model: (model.task, model.id))
    overview = ["| model | task | takes | seconds | price | licence |", "|---|---|---|---|---|---|"]
    overview += [
        f"| [{model.id}](#{anchor(model)}) | {model.task} | {inputs_text(model)} | {seconds_text(model)} "
        f"| {cell(price_text(model.price))} | {cell(model.licence.name)} |"
        for model in shown
    ]
    return "\n".join([HEAD, *overview, "", *(section(model) for model in shown)])


def section(model: Model) -> str:
    """Return the section of one model."""
    lines = [f"## {model.id}", "", f"{model.title}. {model.summary}", ""]
    facts = [f"Picture: {model.looks}"] if model.looks else []
    origin = model.examples_source or "Tracklay's own"
    facts += [f"Prompts ({origin}): {'; '.join(model.examples)}"] if model.examples else []
    facts += [f"Continues {continues_text(model.continues)}"] if model.continues else []
    facts += [f"Tempo: asked for as `{model.tempo_words}` in the prompt"] if model.tempo_words else []
    facts += [f"Unconfirmed: {fact}" for fact in model.unconfirmed]
    lines += [f"- {fact}" for fact in facts]
    if facts:
        lines.append("")
    lines += ["| parameter | sent as | type | default | limits | role | |", "|---|---|---|---|---|---|---|"]
    lines += [row(parameter) for parameter in model.parameters]
    return "\n".join([*lines, ""])


def row(parameter: Parameter) -> str:
    """Return the table row of one parameter."""
    default = parameter.default
    shown = "" if default in (None, "") else str(default).lower() if isinstance(default, bool) else f"`{default}`"
    limits = parameter.limits_text + (f" {parameter.unit}" if parameter.unit and parameter.limits_text else "")
    needed = "required" if parameter.required else ""
    cells = (
        f"`{parameter.name}`",
        f"`{parameter.wire_name}`",
        parameter.type,
        shown or needed,
        limits,
        parameter.role or "",
    )
    return "| " + " | ".join(cell(text) for text in (*cells, parameter.help)) + " |"


def anchor(model: Model) -> str:
    """Return the anchor of a model's heading, as code hosts generate it."""
    return model.id.replace("/", "").replace(".", "")


def cell(text: str) -> str:
    """Return a text escaped for a cell of a table."""
    return text.replace("|", r"\|").replace("\n", " ")


def main() -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    text = page(load_catalogue([SHIPPED]))
    if parser.parse_args().check:
        return 0 if PAGE.read_text("utf-8") == text else 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text, "utf-8")
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
