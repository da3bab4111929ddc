"""Automata and token masks; numpy and numba only.

vocabulary.py   the bytes of every token          mask.py       the bit layout of masks
matcher.py      the cursor of one text            compiled.py   positions and moves    position.py  one of them
tokens/         what is known of a vocabulary     automata/, dfa.py, nfa.py  lazy automata over code points
network.py      the transition network            layout.py     its columns and kinds  dfa_states.py  automata in it
masks.py        masks of a network's places       place_fills.py  those that take more than tables
shared_masks.py, summaries.py  masks shared by places, by grammars
kernel.py       compiled loops, kept on disk      kernel_runs.py  kernels over a growing network
_step_kernels.py, _fill_kernels.py, _mask_kernels.py  read bytes, walk the trie, give masks   codes.py  their numbers
distance.py     bytes to the end of a text        forced.py     forced bytes as tokens
notes.py        texts that must be remembered     explanation.py  why a token is not allowed
patterns/       regular grammars and lists of texts, without a network
rules/          rules and their tokens: sets of configurations
parsing/        a lexer and a parser of tables, indentation included
parts/          regions, captures, special tokens, free text, the end of a prompt
freezing/       tables for devices and files
pushdown.py     a network as places and moves     product.py    a network beside an automaton
character_bytes.py, utf8.py  characters as bytes  text_widths.py  as JSON writes them
"""

from __future__ import annotations

from fsm.compiled import Compiled
from fsm.errors import (
    GrammarError,
    GuidanceError,
    LimitError,
    MaskError,
    SavedFileError,
    TokenRejected,
    UnsatisfiableError,
    UnsupportedFeatureError,
    VocabularyError,
)
from fsm.explanation import Explanation
from fsm.freezing.frozen import FrozenTables
from fsm.freezing.frozen_compiled import load_compiled
from fsm.mask import allocate_token_bitmask, allowed_token_ids, is_allowed
from fsm.matcher import Matcher
from fsm.vocabulary import Vocabulary

__all__ = [
    "Compiled",
    "Explanation",
    "FrozenTables",
    "GrammarError",
    "GuidanceError",
    "LimitError",
    "MaskError",
    "Matcher",
    "SavedFileError",
    "TokenRejected",
    "UnsatisfiableError",
    "UnsupportedFeatureError",
    "Vocabulary",
    "VocabularyError",
    "allocate_token_bitmask",
    "allowed_token_ids",
    "is_allowed",
    "load_compiled",
]
