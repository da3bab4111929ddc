"""Lay names, which may be written with any escapes, as a trie of character states."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import numpy as np

from fsm.layout import STATE_DEAD
from fsm.network import Network
from grammars.json_schema._kernels import add_name_kernel, lay_names_kernel

__all__ = ["add_name", "lay_names"]


def lay_names(
    network: Network,
    names: list[str],
    closes: Sequence[int],
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
    # Not strict, because where there are no bits, zeros are repeated without end.
    ordered = sorted(zip(names, closes, bits or repeat(0), strict=False))
    texts = [text for text, _, _ in ordered]
    text = "".join(texts)
    total, size = len(text), len(texts)
    cells = [*map(len, texts), *[close for _, close, _ in ordered], *[bit for _, _, bit in ordered]]
    table = np.array(cells, np.int64).reshape(3, size)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.int32)
    state = network.reserve_states(2 * total + 1 if bits else total + 1)
    edge = network.reserve_edges(total)
    work = np.empty((max(total, size) + 2, 5), np.int64)
    count = lay_names_kernel(
        network.states, network.edges, state, edge, codes, table, int(bits is not None), default, other, base, work
    )
    network.num_states = state + count
    network.num_edges = int(work[0, 0])
    return state


def add_name(network: Network, root: int, name: str, close: int, *, other: int, num_names: int) -> None:
    """Add a name, which is not there yet, to a trie that was laid without bits; its rows stay what they are otherwise.

    Parameters
    ----------
    root : the state after the opening quote.
    close, other : as for ``lay_names``.
    num_names : how many names are there, or more.
    """
    codes = np.frombuffer(name.encode("utf-32-le", "surrogatepass"), np.int32)
    state, edge = network.reserve_states(len(codes)), network.reserve_edges(len(codes) + num_names)
    num_states, num_edges = add_name_kernel(network.states, network.edges, root, codes, close, other, state, edge)
    network.num_states, network.num_edges = state + num_states, edge + num_edges
