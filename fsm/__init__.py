"""Automata and token masks; numpy and numba only.

vocabulary.py   the bytes of every token          mask.py       the bit layout of masks
trie.py         tokens, depth first               tables.py     what grammars share per vocabulary
automata/       lazy automata over code points    dfa_states.py their states as network rows
network.py      the transition network            layout.py     its columns and kinds
compiled.py     positions and moves               masks.py      their masks
kernel_runs.py  kernels over a growing network    summaries.py  masks of heavy states, shared
distance.py     bytes to the end of a text        forced.py     forced bytes as tokens
notes.py        texts that must be remembered     explanation.py  why a token is not allowed
matcher.py      the cursor of one text            _kernels.py   the loops
pattern_compiled.py, regular_compiled.py   patterns of moderate size, and of any     literal_compiled.py  lists of texts
position_table.py, class_tables.py   automata over bytes made by kernels            rules_compiled.py  rules of tokens
token_parts.py, token_lengths.py   tokens by length, and what begins alike in their trie
state_sets.py, set_masks.py   sets of configurations and their masks    token_loops.py  tokens that go on by some bytes
byte_table.py, byte_loops.py, regular_masks.py   patterns over bytes    character_bytes.py, utf8.py  characters as bytes
pushdown.py     a network as places and moves     product.py    a network beside an automaton
regions.py      named parts of a text              captures.py   where they lie, by reading again
special_tokens.py  special tokens as symbols       text_compiled.py  masks of free text between other things
extensions.py, continued.py  tokens across the end of a prompt, and what follows them      way_out.py  to the end
token_tables.py, token_arena.py  a lexer and a parser of tables, their stacks    token_compiled.py, token_distance.py,
token_stays.py  positions, bytes to the end, and masks of texts that these read
byte_automaton.py  its places, determinised       frozen.py, frozen_compiled.py, saving.py  tables, also in files
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
from fsm.frozen import FrozenTables
from fsm.frozen_compiled import load_compiled
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
