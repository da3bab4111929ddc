r"""Turn sentences into prompts with answers: records as JSON, and questions about one field.

The prompt format is an instruction, an empty line and the sentence; the answer follows at once::

    Who is described?\n\nAda Lovelace, 36, London{"name": "Ada Lovelace", "age": 36, "city": "London"}

Training also shows other layouts, other key orders and subsets, other key names and other white space. In
those the first token that leaves the standard form does not count in the loss, all others do: unmasked text
keeps the standard form, and where a grammar asks for another, the model follows.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from os.path import commonprefix

from guidance.embedded.names import NamePool, load_text, training_names
from guidance.embedded.records import KINDS, Facts, Kind, draw_facts, write_json
from guidance.embedded.sentences import fill_form, make_training_sentence, seen_forms, unseen_forms

__all__ = ["Example", "make_evaluation_example", "make_prompt", "make_training_example"]

QUESTION_SHARE = 0.12
REARRANGED_SHARE = 0.18


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Hold a prompt and its answer.

    scored : half-open spans of the answer whose tokens count in the loss; the end of the answer always does
    """

    facts: Facts
    prompt: str
    answer: str
    scored: tuple[tuple[int, int], ...]
    label: int = 0  # for classifiers, which these texts do not train


def make_prompt(instruction: str, sentence: str) -> str:
    r"""Write a prompt in the standard layout.

    Examples
    --------
    >>> make_prompt("Who is described?", "Ada Lovelace, 36, London")
    'Who is described?\n\nAda Lovelace, 36, London'
    """
    return f"{instruction}\n\n{sentence}"


def make_training_example(rng: random.Random) -> Example:
    """Draw one example of any kind, with training names and training forms only."""
    kind = rng.choice(KINDS)
    facts = draw_facts(kind, training_names(), rng)
    sentence = make_training_sentence(facts, rng)
    share = rng.random()
    if share < QUESTION_SHARE:
        return _make_question(facts, sentence, rng)
    if share < QUESTION_SHARE + REARRANGED_SHARE:
        return _make_rearranged(facts, sentence, rng)
    return _make_record(facts, _lay_out(sentence, _draw_instruction(kind, rng), rng))


def make_evaluation_example(kind: Kind, *, forms: str, names: NamePool, rng: random.Random) -> Example:
    """Draw one example in the standard layout; ``forms`` is ``"seen"`` or ``"unseen"``."""
    form = rng.choice(_FORMS[forms](kind))
    facts = draw_facts(kind, names, rng)
    instruction = rng.choice(load_text(kind)["instructions"])
    return _make_record(facts, make_prompt(instruction, fill_form(form, facts)))


_FORMS: dict[str, Callable[[Kind], tuple[str, ...]]] = {"seen": seen_forms, "unseen": unseen_forms}


def _make_record(facts: Facts, prompt: str) -> Example:
    answer = write_json(facts.fields)
    return Example(facts=facts, prompt=prompt, answer=answer, scored=((0, len(answer)),))


def _make_rearranged(facts: Facts, sentence: str, rng: random.Random) -> Example:
    names = rng.sample(list(facts.fields), rng.randint(1, len(facts.fields)))
    aliases = load_text("common")["aliases"] if rng.random() < 0.4 else {}
    open_, after_key, between, close = rng.choice(_JSON_STYLES)
    answer = open_
    for place, name in enumerate(names):
        answer += (between if place else "") + f'"{rng.choice(aliases.get(name, [name]))}":{after_key}'
        answer += facts.fields[name]
    answer += close
    leaves = len(commonprefix([answer, write_json(facts.fields)]))  # noqa: RUF071 - text, not paths
    prompt = _lay_out(sentence, _draw_instruction(facts.kind, rng), rng)
    scored = ((0, leaves), (min(leaves + 1, len(answer)), len(answer)))
    return Example(facts=facts, prompt=prompt, answer=answer, scored=scored)


_JSON_STYLES = (
    ("{", " ", ", ", "}"),
    ("{", " ", ", ", "}"),
    ("{", "", ",", "}"),
    ("{\n  ", " ", ",\n  ", "\n}"),
    ("{ ", " ", ", ", " }"),
)


# A plain answer needs a line of its own: right after the sentence it would run into the last word.
_QUESTION_LAYOUTS = ("{question}\n\n{sentence}\n", "{question}\n\n{sentence}\n\n", "{sentence}\n\n{question}\n")


def _make_question(facts: Facts, sentence: str, rng: random.Random) -> Example:
    questions = load_text("common")["questions"]
    field = rng.choice(("kind", *facts.fields))
    if field == "kind":
        question, literal = rng.choice(questions["any"]["kind"]), f'"{facts.kind}"'
    else:
        question, literal = rng.choice(questions[facts.kind][field]), facts.fields[field]
    if field == "in_stock" and rng.random() < 0.5:
        question, literal = question + " Answer yes or no.", '"yes"' if literal == "true" else '"no"'
    is_text = literal[0] == '"'
    answer = literal[1:-1] if is_text and rng.random() < 0.6 else literal
    start = 1 if answer[0] == '"' else 0  # quotes come from a grammar; unasked, the answer is plain text
    layout = rng.choice(_QUESTION_LAYOUTS)
    prompt = layout.replace("{question}", question).replace("{sentence}", sentence)
    return Example(facts=facts, prompt=prompt, answer=answer, scored=((start, len(answer)),))


def _draw_instruction(kind: Kind, rng: random.Random) -> str:
    source = load_text(kind) if rng.random() < 0.8 else load_text("common")
    return str(rng.choice(source["instructions"]))


def _lay_out(sentence: str, instruction: str, rng: random.Random) -> str:
    layout = rng.choice(load_text("common")["layouts"])
    return str(layout).replace("{instruction}", instruction).replace("{sentence}", sentence)
