"""The code follows the rules of `scripts/check_structure.py`."""

from __future__ import annotations

import pytest

from scripts import check_structure


@pytest.mark.parametrize("rule", check_structure.RULES)
def test_a_rule_of_the_structure_holds(rule):
    """`python scripts/check_structure.py --verbose` lists the places that break a rule."""
    assert check_structure.RULES[rule]() == []


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.py", 'x = 1\n"""The program\nis told."""\n', [(3, "told")]),
        ("a.py", "x = 1  # mends it\n", [(1, "mends")]),
        ("a.py", "def as_told(): ...\n", [(1, "told")]),
        ("a.py", 'x = f"{1} is at hand"\n', [(1, "at hand")]),
        ("a.py", "position = file.tell()\nuntold = 1\n", []),
        ("a.md", "One line.\nNobody reads it.\n", [(2, "Nobody")]),
        ("a.md", "A retry of the request.\n", []),
    ],
)
def test_a_quaint_word_is_found(tmp_path, name, text, found):
    """In docstrings, comments, parts of names, f-strings and documents, with its line."""
    path = tmp_path / name
    path.write_text(text)
    assert check_structure.quaint_words_in(path) == found


def test_import_cycles_are_found():
    """A cycle over two modules and one over three; a module beside them is in none."""
    graph = {"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"e"}, "e": {"c"}, "f": {"a"}}
    assert sorted(check_structure.import_cycles(graph)) == [["a", "b"], ["c", "d", "e"]]
