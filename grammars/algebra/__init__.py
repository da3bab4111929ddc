"""Combine grammars of every kind; what cannot be done exactly is refused.

    operations.py  which construction serves which kinds     kinds.py      unions, sequences, repetitions, complements
    schemas.py     JSON Schemas as sets of values            product.py    any grammar beside an automaton
    questions.py   emptiness, size, examples                 report.py     what a grammar enforces

============  =======================  =======================  =================================
              regular                  JSON Schema              context-free, mixed
============  =======================  =======================  =================================
``|`` ``+``   an automaton             side by side, in turn    side by side, in turn
``&`` regular an automaton             product                  product
``&`` JSON    product                  ``allOf``                refused
``-`` regular an automaton             product with complement  product with complement
``-`` JSON    refused (finite: done)   ``allOf`` with ``not``   refused
``~``         an automaton             a value for ``&``, ``-`` a value for ``&``, ``-``
============  =======================  =======================  =================================

Two JSON grammars combine as sets of *values*: the result accepts the values both accept, written the left one's way
(its white space, its order of keys), and both must have the same way of writing. ``~`` of a JSON grammar means all
other *texts*, those that are no JSON included; no automaton here holds them, so such a complement only serves inside
``&`` and ``-``: ``json_schema(True) - schema`` is "JSON, but not this".
"""

from __future__ import annotations

from grammars.algebra.operations import as_grammar, complement, concatenate, intersect, repetition, unite

__all__ = ["as_grammar", "complement", "concatenate", "intersect", "repetition", "unite"]
