"""Write indented blocks. Prints: an outline, and that it may go on deeper, beside and at the margin, or end."""

from fsm import Vocabulary
from grammars import Indenter, lark

OUTLINE = r"""
start: item+
item: "-" WORD _NL [_INDENT item+ _DEDENT]
WORD: /[a-z]+/
_NL: /(\r?\n[ ]*)+/
%ignore " "
%declare _INDENT _DEDENT
"""

grammar = lark(OUTLINE, indenter=Indenter(newline="_NL", indent="_INDENT", dedent="_DEDENT"))
vocabulary = Vocabulary([b"</s>", b"- ", b"tea", b"milk", b"\n", b"  ", b"    "], eos_token_ids=[0])
matcher = grammar.compile(vocabulary).matcher()
for token_id in (1, 2, 4, 5, 1, 3, 4):
    matcher.advance(token_id)

print(matcher.text().decode())
for name, tokens in {"beside": (5, 1), "deeper": (6, 1), "back": (1,), "end": (0,)}.items():
    trial = matcher.fork()
    print(name, all(trial.try_advance(token_id) for token_id in tokens))
