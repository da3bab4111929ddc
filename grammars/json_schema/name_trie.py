"""Lay names, which may be written with any escapes, as a trie of character states."""

from __future__ import annotations

import numpy as np

from fsm.layout import STATE_DEAD
from fsm.network import Network
from grammars.json_schema._kernels import lay_names_kernel

__all__ = ["lay_names"]


def lay_names(
    network: Network,
    names: list[str],
    closes: list[int],
    *,
    default: int = STATE_DEAD,
    other: int = STATE_DEAD,
    base: int = STATE_DEAD,
    bits: list[int] | None = None,
) -> int:
    """Return the state after the opening quote of one of the names.

    Parameters
    ----------
    names, closes : distinct names, and the network state after the closing quote of each (0: not allowed).
    default : where a character leads that continues none of the names (0: nowhere).
    other : the state after the closing quote of a key that only begins one of the names (0: not allowed).
    base : the state whose mask covers the names that are not listed.
    bits : each name's bit on the stack; where names part, a branch whose names have all come is then closed.
    """
    order = sorted(range(len(names)), key=names.__getitem__)
    lengths = np.array([0] + [len(names[i]) for i in order], np.int64)
    offsets = np.cumsum(lengths)
    total = int(offsets[-1])
    text = "".join([names[i] for i in order]).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(text, np.int32).astype(np.int64)
    state = network.reserve_states(2 * total + 1 if bits else total + 1)
    edge = network.reserve_edges(total)
    work = np.empty((total + 2, 4), np.int64)
    marks = np.array([bits[i] for i in order] if bits else [], np.int64)
    targets = np.array([closes[i] for i in order], np.int64)
    count = lay_names_kernel(
        network.states, network.edges, state, edge, codes, offsets, targets, default, other, base, marks, work
    )
    network.num_states = state + count
    network.num_edges = int(work[0, 0])
    return state
