"""Compile a step of a few tokens of every row on the CPU: all layers, and the output layer, in one call."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsm.kernel import kernel
from guidance.logits._exponential_kernels import exponential_kernel
from guidance.transformer._tile_kernels import LANES, multiply_tiles_kernel

__all__ = ["add_norm_kernel", "attend_rows_kernel", "gate_up_kernel", "multiply_rows_kernel", "read_rows_kernel"]

# Sums may be reordered, so that they vectorise; numbers that are not finite keep their meaning.
_REORDER = {"reassoc", "contract", "nsz"}

# Where the matrices of a layer stand among its four.
_QKV, _OUT, _GATE_UP, _DOWN = range(4)


@kernel(nogil=True, fastmath=_REORDER)
def add_norm_kernel(hidden: Any, change: Any, has_change: bool, weight: Any, epsilon: Any, normed: Any) -> None:
    """Add, and divide by the root mean square.

    hidden : float32[B, H]    changed in place
    change : float32[B, H+]   added if has_change; columns beyond H are not read
    weight : float32[H]
    normed : float32[B, H]    written
    """
    size = hidden.shape[1]
    for b in range(hidden.shape[0]):
        row, out = hidden[b], normed[b]
        if has_change:
            other = change[b]
            for i in range(size):
                row[i] += other[i]
        total = np.float32(0.0)
        for i in range(size):
            total += row[i] * row[i]
        scale = np.float32(1.0) / np.sqrt(total / np.float32(size) + epsilon)
        for i in range(size):
            out[i] = row[i] * scale * weight[i]


@kernel(nogil=True, fastmath=_REORDER, error_model="numpy")
def gate_up_kernel(gate_up: Any, product: Any) -> None:
    """Write silu(gate) * up.

    gate_up : float32[B, 2 * I+]   columns beyond 2 * I are not read
    product : float32[B, I]        written; relative error 1e-6

    PERF: with Python's divisions, which look for zeros, the loop would not vectorise: 1.8 us for 512 numbers, not 0.2.
    """
    size = product.shape[1]
    most, one = np.float32(87.0), np.float32(1.0)
    for b in range(product.shape[0]):
        gate, up, out = gate_up[b, :size], gate_up[b, size : 2 * size], product[b]
        for i in range(size):
            x = -gate[i]
            x = most if x > most else x
            x = -most if x < -most else x
            out[i] = gate[i] * up[i] / (one + exponential_kernel(x))


@kernel(nogil=True)
def multiply_rows_kernel(rows: Any, panels: Any, place: Any, is_wide: bool, product: Any) -> None:
    """Multiply rows by one of the matrices that `guidance.transformer.panels` keeps.

    rows    : float32[N, K]
    panels  : float32[X]     all matrices
    place   : int64[3]       where this one begins, its depth K, its number of panels
    product : float32[N, 16 * place[2]]   written
    """
    depth, num_panels = place[1], place[2]
    multiply_tiles_kernel(
        rows,
        0,
        depth,
        1,
        rows.shape[0],
        panels,
        place[0],
        LANES,
        LANES * depth,
        num_panels,
        depth,
        is_wide,
        product,
        0,
        LANES * num_panels,
    )


@kernel(nogil=True, fastmath={"contract", "nsz"})
def fill_query_kernel(qkv: Any, n: int, h: int, lane: int, turn: Any, scale: Any, query: Any) -> None:
    """Turn and scale one head's query and write it into its lane of the panels.

    query : float32[panels, D, 16]
    """
    size = query.shape[1]
    panel, j = lane // LANES, lane % LANES
    source = qkv[n, h * size : (h + 1) * size]
    for i in range(size // 2):
        x, y = source[2 * i], source[2 * i + 1]
        query[panel, 2 * i, j] = (x * turn[i, 0] - y * turn[i, 1]) * scale
        query[panel, 2 * i + 1, j] = (x * turn[i, 1] + y * turn[i, 0]) * scale


@kernel(nogil=True, fastmath={"contract", "nsz"})
def write_key_kernel(qkv: Any, n: int, h: int, num_kv_heads: int, turn: Any, key: Any, value: Any) -> None:
    """Turn one head's key and put it, and the value, into their slot.

    h          : which of a token's heads, query heads first, the key is
    key, value : float32[D]   written
    """
    size = key.shape[0]
    source = qkv[n, h * size : (h + 1) * size]
    for i in range(size // 2):
        x, y = source[2 * i], source[2 * i + 1]
        key[2 * i] = x * turn[i, 0] - y * turn[i, 1]
        key[2 * i + 1] = x * turn[i, 1] + y * turn[i, 0]
    h += num_kv_heads
    value[:] = qkv[n, h * size : (h + 1) * size]


@kernel(nogil=True, fastmath={"contract", "nsz"})
def weigh_slots_kernel(
    scores: Any,
    first: int,
    num_groups: int,
    before: int,
    live: Any,
    has_live: bool,
    totals: Any,
) -> None:
    """Turn scores into exp(score - best) lane by lane, 0 where a lane's token may not look.

    scores     : float32[E, 16]   changed in place
    first      : the slot of the first token; with every `num_groups` lanes the next slot's token begins
    before     : lanes before these sixteen
    live       : bool[S]          slots to look at; read only if has_live
    totals     : float32[2, 16]   written: the best score, and the sum over the slots in order
    """
    best, total = totals[0], totals[1]
    best[:] = np.float32(-np.inf)
    total[:] = np.float32(0.0)
    for s in range(scores.shape[0]):
        line = scores[s]
        if has_live and not live[s]:
            line[:] = np.float32(-np.inf)
        elif s > first:
            line[: min(max((s - first) * num_groups - before, 0), LANES)] = np.float32(-np.inf)
        for j in range(LANES):
            best[j] = line[j] if line[j] > best[j] else best[j]
    smallest, zero = np.float32(-87.0), np.float32(0.0)
    for s in range(scores.shape[0]):
        line = scores[s]
        for j in range(LANES):
            x = line[j] - best[j]
            is_zero = x < smallest
            weight = exponential_kernel(smallest if is_zero else x)
            weight = zero if is_zero else weight
            line[j] = weight
            total[j] += weight


@kernel(nogil=True)
def hide_slots_kernel(scores: Any, num_groups: int, before: int, sees: Any) -> None:
    """Set the scores of slots that a lane's token does not see to minus infinity.

    scores : float32[E, 16]   changed in place
    before : lanes before these sixteen; every `num_groups` of them are of one token
    sees   : bool[P, S]
    """
    for j in range(min(LANES, sees.shape[0] * num_groups - before)):
        own = sees[(before + j) // num_groups]
        for s in range(scores.shape[0]):
            if not own[s]:
                scores[s, j] = np.float32(-np.inf)


@kernel(nogil=True, fastmath={"contract", "nsz"})
def attend_rows_kernel(
    qkv: Any,
    rotations: Any,
    starts: Any,
    positions: Any,
    last_slots: Any,
    live: Any,
    has_live: bool,
    sees: Any,
    has_sees: bool,
    layer: int,
    keys: Any,
    values: Any,
    is_wide: bool,
    attended: Any,
) -> None:
    """Turn the tokens' queries and keys, put keys and values into their slots, and attend to all slots up to each.

    The query heads of a key's group, of all a row's new tokens, are lanes of one product with that row's keys. A lane's
    sums run over the slots in order, so a token gets the same whether it is read alone or among others.

    qkv          : float32[N, (H + 2 * K) * D+]   row by row; columns beyond are not read
    rotations    : float32[context, D / 2, 2]     cosines and sines
    starts       : int64[B + 1]                   where each row's tokens begin, and N
    positions    : int64[N]                       of each token in its text
    last_slots   : int64[B]                       where each row's last token is put; the others stand before it
    live         : bool[B, S]                     slots to look at; read only if has_live
    sees         : bool[B, P, S]                  the slots each token looks at instead; read only if has_sees
    keys, values : float32[L, B, K, C, D]         changed in place, in one layer
    attended     : float32[N, H * D]              written
    """
    num_rows, num_kv_heads, capacity, size = keys.shape[1:]
    num_heads = attended.shape[1] // size
    num_groups = num_heads // num_kv_heads
    num_whole = size // LANES
    scale = np.float32(1.0 / np.sqrt(size))
    longest, most_new = 0, 0
    for b in range(num_rows):
        longest = max(longest, last_slots[b] + 1)
        most_new = max(most_new, starts[b + 1] - starts[b])
    query = np.zeros(((most_new * num_groups + LANES - 1) // LANES, size, LANES), dtype=np.float32)
    scores = np.empty((longest, LANES), dtype=np.float32)
    gathered = np.empty((LANES, size), dtype=np.float32)
    totals = np.empty((2, LANES), dtype=np.float32)
    for b in range(num_rows):
        num_new = starts[b + 1] - starts[b]
        num_lanes = num_new * num_groups
        num_panels = (num_lanes + LANES - 1) // LANES
        first = last_slots[b] + 1 - num_new
        for k in range(num_kv_heads):
            start = ((layer * num_rows + b) * num_kv_heads + k) * capacity * size
            for t in range(num_new):
                n = starts[b] + t
                turn = rotations[positions[n]]
                write_key_kernel(
                    qkv,
                    n,
                    num_heads + k,
                    num_kv_heads,
                    turn,
                    keys[layer, b, k, first + t],
                    values[layer, b, k, first + t],
                )
                for g in range(num_groups):
                    fill_query_kernel(qkv, n, k * num_groups + g, t * num_groups + g, turn, scale, query)
            for p in range(num_panels):
                lanes = min(num_lanes - LANES * p, LANES)
                end = first + (LANES * p + lanes - 1) // num_groups + 1
                multiply_tiles_kernel(
                    keys, start, size, 1, end, query, p * size * LANES, LANES, 0, 1, size, is_wide, scores, 0, LANES
                )
                seen = live[b] if has_live else live[0]
                if has_sees:
                    hide_slots_kernel(scores[:end], num_groups, LANES * p, sees[b])
                upto = end if has_sees else first  # with sees, no slot is beyond a token's own but by that
                weigh_slots_kernel(scores[:end], upto, num_groups, LANES * p, seen, has_live, totals)
                multiply_tiles_kernel(
                    scores, 0, 1, LANES, lanes, values, start, size, LANES, num_whole, end, is_wide, gathered, 0, size
                )
                for j in range(lanes):
                    out, share = gathered[j], np.float32(1.0) / totals[1, j]
                    for i in range(num_whole * LANES, size):
                        out[i] = np.float32(0.0)
                        for s in range(end):
                            out[i] += scores[s, j] * values[layer, b, k, s, i]
                    t, g = (LANES * p + j) // num_groups, (LANES * p + j) % num_groups
                    place = (k * num_groups + g) * size
                    for i in range(size):
                        attended[starts[b] + t, place + i] = out[i] * share


@kernel(nogil=True)
def add_bias_kernel(product: Any, bias: Any) -> None:
    """Add a bias to every row.

    product : float32[N, O+]   changed in place
    bias    : float32[O]
    """
    for n in range(product.shape[0]):
        row = product[n]
        for i in range(bias.shape[0]):
            row[i] += bias[i]


@kernel(nogil=True)
def read_rows_kernel(
    token_ids: Any,
    embedding: Any,
    norms: Any,
    epsilon: Any,
    panels: Any,
    places: Any,
    biases: Any,
    has_bias: bool,
    num_qkv: int,
    rotations: Any,
    starts: Any,
    positions: Any,
    last_slots: Any,
    live: Any,
    has_live: bool,
    sees: Any,
    has_sees: bool,
    keys: Any,
    values: Any,
    is_wide: bool,
    logits: Any,
) -> None:
    """Read the tokens of every row, and write the logits of its last ones.

    token_ids    : int64[B, P]                 aligned on the right
    embedding    : float32[V, H]
    norms        : float32[2 * L + 1, H]       of each layer before attention and after it, and the last
    panels       : float32[X]                  all matrices
    places       : int64[4 * L + 1, 3]         of each layer's qkv, out, gate_up and down, and of the output layer
    biases       : float32[L, num_qkv + H]     of qkv and out; read only if has_bias
    rotations    : float32[context, D / 2, 2]  cosines and sines
    starts       : int64[B + 1]                tokens of the rows before each row, and of all rows; at most P each
    positions    : int64[N]                    of each token in its text
    last_slots   : int64[B]                    where each row's last token is put; the others stand before it
    live         : bool[B, S]                  slots to look at; read only if has_live
    sees         : bool[B, P, S]               the slots each token looks at instead; read only if has_sees
    keys, values : float32[L, B, K, C, D]      changed in place
    logits       : float32[B * Q, V+]          written, of the last Q tokens of each row; zeros where it has fewer

    What a token gives depends on its own row alone, and not on how many of that row's tokens are read at once.
    """
    num_rows, width = token_ids.shape
    num_layers, size = keys.shape[0], embedding.shape[1]
    num_tokens = starts[num_rows]
    hidden = np.empty((num_tokens, size), dtype=np.float32)
    for b in range(num_rows):
        for n in range(starts[b], starts[b + 1]):
            hidden[n] = embedding[token_ids[b, width - starts[b + 1] + n]]
    normed = np.empty((num_tokens, size), dtype=np.float32)
    change = np.empty((num_tokens, LANES * ((size + LANES - 1) // LANES)), dtype=np.float32)
    if num_layers > 0:
        qkv = np.empty((num_tokens, LANES * places[_QKV, 2]), dtype=np.float32)
        attended = np.empty((num_tokens, places[_OUT, 1]), dtype=np.float32)
        gate_up = np.empty((num_tokens, LANES * places[_GATE_UP, 2]), dtype=np.float32)
        product = np.empty((num_tokens, places[_DOWN, 1]), dtype=np.float32)
        for layer in range(num_layers):
            first = 4 * layer
            add_norm_kernel(hidden, change, layer > 0, norms[2 * layer], epsilon, normed)
            multiply_rows_kernel(normed, panels, places[first + _QKV], is_wide, qkv)
            if has_bias:
                add_bias_kernel(qkv, biases[layer, :num_qkv])
            attend_rows_kernel(
                qkv,
                rotations,
                starts,
                positions,
                last_slots,
                live,
                has_live,
                sees,
                has_sees,
                layer,
                keys,
                values,
                is_wide,
                attended,
            )
            multiply_rows_kernel(attended, panels, places[first + _OUT], is_wide, change)
            if has_bias:
                add_bias_kernel(change, biases[layer, num_qkv:])
            add_norm_kernel(hidden, change, True, norms[2 * layer + 1], epsilon, normed)
            multiply_rows_kernel(normed, panels, places[first + _GATE_UP], is_wide, gate_up)
            gate_up_kernel(gate_up, product)
            multiply_rows_kernel(product, panels, places[first + _DOWN], is_wide, change)
    num_logits = logits.shape[0] // num_rows
    last = np.zeros((num_rows * num_logits, size), dtype=np.float32)
    for b in range(num_rows):
        count = min(starts[b + 1] - starts[b], num_logits)
        start, end = starts[b + 1] - count, starts[b + 1]
        out = last[(b + 1) * num_logits - count : (b + 1) * num_logits]
        add_norm_kernel(hidden[start:end], change[start:end], num_layers > 0, norms[2 * num_layers], epsilon, out)
    multiply_rows_kernel(last, panels, places[4 * num_layers], is_wide, logits)
