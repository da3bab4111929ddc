"""Name the numbers that kernels share with one another and with Python: registers, answers, ways to walk, classes."""

from __future__ import annotations

import numpy as np

from fsm.layout import UNBOUNDED

__all__ = [
    "ARENA_FULL",
    "CLASS_CLOSE",
    "CLASS_INVALID",
    "CLASS_OPEN_CHARACTER",
    "CLASS_OPEN_ESCAPE",
    "CLASS_OTHER_CONTROL",
    "EXTRAS",
    "FIRST_WIDE",
    "FOREVER",
    "FRESH",
    "FULL",
    "INVALID",
    "LOOSE",
    "MAX_TESTED",
    "NAMES",
    "NEED",
    "NOTED",
    "NO_ROW",
    "NUMERAL",
    "NUM_REGISTERS",
    "ONE",
    "PARTIAL",
    "QUOTE",
    "R_ACCEPTS",
    "R_BASE",
    "R_CLOSED",
    "R_COUNT",
    "R_DEPTH",
    "R_FEWEST",
    "R_FIRST",
    "R_FLAGS",
    "R_FOUND",
    "R_FREE",
    "R_FREE_STATE",
    "R_KEPT",
    "R_LARGEST",
    "R_LOWEST",
    "R_MODE",
    "R_MOST",
    "R_NEED",
    "R_NODE",
    "R_OPENED",
    "R_OPENED_STATE",
    "R_PLACE",
    "R_READING",
    "R_SPACED",
    "R_SPACED_STACK",
    "R_STACK",
    "R_STACKS",
    "R_STAGE",
    "R_TESTED",
    "R_TOP",
    "R_TOUCHED",
    "R_WALK",
    "R_WATCHED",
    "SEVERAL",
    "SLACK",
    "TAKEN",
    "UNKNOWN",
    "WALK_ALL",
    "WALK_BELOW",
    "WALK_ENDINGS",
    "WALK_NAMES",
    "WALK_SPACED",
    "WALK_UNSPACED",
    "WHOLE",
    "ZERO",
]

# Registers: small integers that kernels read and write across calls.
R_NEED, R_STACKS, R_NODE, R_TOUCHED, R_FREE, R_CLOSED, R_READING = range(7)
R_STACK, R_DEPTH, R_OPENED, R_FREE_STATE, R_OPENED_STATE, R_FOUND = range(7, 13)
R_ACCEPTS, R_MOST, R_SPACED, R_SPACED_STACK, R_STAGE, R_KEPT = range(14, 20)
R_TOP, R_LOWEST, R_TESTED = range(22, 25)
# How deep into the stack a fill's looks are noted: bits tested at each depth, in as many registers.
MAX_TESTED = 12
# Of a fill: whether the text may end (1) and whether it is inside a free string (2), the row that the mask differs from
# (an address), and where the words that differ were written, and how many there are.
R_FLAGS, R_BASE, R_FIRST, R_COUNT = range(R_TESTED + MAX_TESTED, R_TESTED + MAX_TESTED + 4)
# The configuration that is filled (five registers); what is walked (an address), and how (see ``fill_kernel``).
R_PLACE = R_COUNT + 1
R_WALK, R_MODE, R_FEWEST, R_LARGEST = range(R_PLACE + 5, R_PLACE + 9)
# Whether some NOTE watches bits.
R_WATCHED = R_LARGEST + 1
NUM_REGISTERS = R_WATCHED + 1
# Return codes below zero.
NEED, ARENA_FULL, NOTED, NO_ROW, SEVERAL = -1, -2, -3, -4, -5
# Of a fill: to be done by somebody else, or to be finished; done, and the mask is taken and remembered, or taken only;
# done, and too many words differ to take them; no room for what is taken; nobody has said how to fill this state.
FRESH, EXTRAS, TAKEN, LOOSE, WHOLE, FULL, UNKNOWN = range(-12, -5)
# Room left over in every arena before one more row is written.
SLACK = 4
# What a walk of the trie is for (``fill_kernel``).
WALK_ALL, WALK_NAMES, WALK_UNSPACED, WALK_ENDINGS, WALK_BELOW, WALK_SPACED = range(6)
# Constants of the type the kernels are compiled for; a literal would have a callee compiled anew.
ZERO, ONE, FOREVER, NAMES = np.int64(0), np.int64(1), np.int64(UNBOUNDED), np.int64(WALK_NAMES)
# In the last column of a trie's rows: a digit or a minus below which there are numbers only.
NUMERAL = -2
# What ``decode_kernel`` finds where no character ends.
PARTIAL, INVALID, QUOTE = -1, -2, -3
# Classes of characters (``fsm.tokens.character_classes``): no character, a quote that closes, one that is not finished,
# after a backslash or not; control characters but tab, new line and carriage return; the first one beyond ASCII.
CLASS_INVALID, CLASS_CLOSE, CLASS_OPEN_ESCAPE, CLASS_OPEN_CHARACTER, CLASS_OTHER_CONTROL = 0, 1, 2, 3, 8
FIRST_WIDE = 16
