"""Write the languages of JSON numbers: exact ranges, multiples and values, in every spelling.

``constraints`` says which values, ``spelling`` which texts, ``automata.number_dfa`` gives the automaton. Below these:
``decimals`` holds exact values, ``magnitudes`` one side of zero, ``mantissas`` and ``exponents`` the states of digits
(``lattices``: remainders), ``completions`` and ``grids`` decide liveness, ``nearest_ends`` measures the way to the end,
``automaton`` and ``free`` are the automata.
"""

from grammars.json_schema.numbers.automata import number_dfa
from grammars.json_schema.numbers.constraints import NumberConstraint
from grammars.json_schema.numbers.decimals import ExactDecimal, exact
from grammars.json_schema.numbers.spelling import NumberSpelling

__all__ = ["ExactDecimal", "NumberConstraint", "NumberSpelling", "exact", "number_dfa"]
