"""Reports name what a grammar enforces, what no text uses, what has no end, and how large it is."""

from __future__ import annotations

from grammars import choice, json_schema, lark, regex


def test_reports_of_schemas_have_pointers():
    """Keywords, members without values, and what has no bound are named."""
    report = json_schema(
        {
            "type": "object",
            "title": "t",
            "properties": {
                "a": {"type": "string"},
                "b": {"type": "integer", "minimum": 5, "maximum": 3},
                "c": {"type": "array", "items": {"enum": [1]}, "maxItems": 2},
            },
            "additionalProperties": False,
        }
    ).report()
    assert '#/properties/b: type "integer", minimum 5, maximum 3' in report.enforced
    assert "#: says nothing about values: title" in report.enforced
    assert report.unreachable == ("#/properties/b: no value meets it",)
    assert report.unbounded == ("#/properties/a: strings of any length; maxLength bounds them",)
    assert report.num_states > 0


def test_reports_of_patterns_count_states():
    """Loops, lengths and the number of states over bytes are told."""
    report = regex("a(b|c)*d").report()
    assert report.num_byte_states == 4  # not minimal: after the start, "b" and "c" are told apart from "a"
    assert report.is_whole
    assert len(report.unbounded) == 1
    assert choice(["x", "yy"]).report().unbounded == ()
    assert "2 texts" in str(choice(["x", "yy"]).report())


def test_reports_of_combinations_name_parts():
    """Parts are numbered; one without a text is unreachable; several readings at once are ambiguous."""
    report = (json_schema({"type": "null"}, whitespace="compact") | json_schema(False, whitespace="any")).report()
    assert any("alternative 2" in line for line in report.unreachable)
    twice = (json_schema({"type": "null"}) + regex(" *x")).report()
    assert twice.ambiguous
    assert "part 2: the whole text fits regex(' *x')" in twice.enforced
    nothing = (regex("a") & regex("b")).report()
    assert nothing.unreachable[0].startswith("everything")


def test_large_grammars_are_looked_at_in_part():
    """What is larger than the survey says so."""
    report = regex("(a|b)*a(a|b){14}").report()
    assert not report.is_whole
    assert "or more over bytes" in str(report)


def test_reports_of_rules_name_terminals():
    """Rules and terminals are counted, and endless repetition is found."""
    report = lark('start: WORD ("," WORD)*\nWORD: /[a-z]{1,3}/').report()
    assert any("terminals: " in line and "WORD" in line for line in report.enforced)
    assert report.is_whole
    assert lark('start: "a" start "b" | "ab"').report().is_whole is False
