"""Rows and addresses of networks are those that were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from fsm.addresses import addresses_of
from fsm.layout import BYTE, CALL, CHAR, FORK, NOTE, RAW, SEEN, STUB, UNBOUNDED
from fsm.network import Network


def test_addresses_follow_tables_that_grow() -> None:
    """The kernel names the tables as the general function does, before and after each of them grew."""
    network = Network()
    for _ in range(3):
        tables = (network.states, network.edges, network.stacks, network.table, network.regs)
        assert np.array_equal(network.addresses, addresses_of(*tables))
        network.reserve_states(len(network.states))
        network.reserve_edges(len(network.edges))
        network.grow_stacks()


def test_addresses_are_those_of_contiguous_arrays() -> None:
    """Also of arrays that are empty or may not be written; others are refused."""
    fixed = np.arange(6).reshape(2, 3)
    fixed.flags.writeable = False
    arrays = [np.arange(6).reshape(2, 3), np.zeros((0, 4)), fixed, np.zeros(3, np.uint8)]
    expected = [part for array in arrays for part in (array.ctypes.data, len(array))]
    assert addresses_of(*arrays).tolist() == expected
    for array in (np.arange(6)[::2], np.arange(6).reshape(2, 3).T):
        with pytest.raises(ValueError, match="not contiguous"):
            addresses_of(array)


def test_rows_hold_what_was_written_after_tables_grew() -> None:
    """Every kind of row and its edges read back, also those whose edges made the table grow."""
    network = Network()
    edges = [(i, i, 100 + i) for i in range(200)]
    byte = network.add_byte(edges, default=7, space=8)
    stub = network.add_stub(3, 4)
    call = network.add_call(5, 6, low=1, high=9)
    seen = network.add_seen(11, needs=1 << 61, left=2, adds=3)
    note = network.add_note(1, 2, 3)
    fork = network.add_fork([12, 13])
    char, raw = network.reserve_states(2), network.reserve_states(1)
    network.write_char(char, edges[:2], default=1, close=2, shortest=3, longest=4, base=5)
    network.write_raw(raw, [(0, 0x10FFFF, 14)], close=1)
    rows = network.states
    assert rows[byte].tolist() == [BYTE, 0, 200, 7, 8, 0, UNBOUNDED, 0]
    assert network.edges[:200].tolist() == [list(edge) for edge in edges]
    assert rows[stub].tolist() == [STUB, 3, 4, 0, 0, 0, UNBOUNDED, 0]
    assert rows[call].tolist() == [CALL, 5, 6, 0, 0, 1, 9, 0]
    assert rows[seen].tolist() == [SEEN, 1 << 61, 2, 11, 3, 0, UNBOUNDED, 0]
    assert rows[note].tolist() == [NOTE, 1, 2, 3, 0, 0, UNBOUNDED, 0]
    assert rows[fork].tolist() == [FORK, 200, 2, 0, 0, 0, UNBOUNDED, 0]
    assert rows[char].tolist() == [CHAR, 202, 2, 1, 2, 3, 4, 5]
    assert rows[raw].tolist() == [RAW, 204, 1, 0, 1, 0, UNBOUNDED, 0]
    assert network.edges[200:205].tolist() == [[0, 0, 12], [0, 0, 13], [0, 0, 100], [1, 1, 101], [0, 0x10FFFF, 14]]
