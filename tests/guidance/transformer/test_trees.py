"""Check that trees are read as if each way through them stood alone, and that what is kept of them is as if read so."""

from __future__ import annotations

import random

import pytest
import torch

import guidance
from guidance.errors import ModelError
from guidance.transformer import HuggingFaceCausalLM
from guidance.transformer.trees import TreeReader, check_reads_trees
from tests.guidance.conftest import make_tokenizer
from tests.guidance.transformer.test_drop import append, make_network
from tests.guidance.transformer.test_drop import model as any_model  # noqa: F401 - a fixture


@pytest.fixture
def model(any_model):  # noqa: F811
    """Return a model of each implementation that reads trees; static caches do not."""
    if not any_model.can_branch:
        pytest.skip("a static cache has one slot for each position")
    return any_model


def ways_of(line, parents):
    """Return the tokens on the way to each token of a tree."""
    ways = []
    for token, parent in zip(line, parents, strict=True):
        ways.append([*(ways[parent] if parent >= 0 else []), token])
    return ways


def draw_tree(generator, size, first):
    """Return a random tree behind `first` tokens that were read before."""
    line = [generator.randrange(50) for _ in range(size)]
    return line, [generator.randrange(-1, first + k) for k in range(size)]


@pytest.mark.parametrize("seed", range(3))
def test_trees_equal_each_way_by_itself(model, seed):
    """Ragged rows, in two parts, between drops and selections: logits, and those after what is kept, to 1e-4."""
    generator = random.Random(seed)
    texts = [[generator.randrange(50) for _ in range(generator.randint(3, 8))] for _ in range(3)]
    cache, _ = model.prefill(texts)
    for _ in range(3):
        append(model, cache, texts, generator)
        counts = [generator.randint(0, 2) for _ in texts]
        cache.drop(counts)
        texts = [text[: len(text) - count] for text, count in zip(texts, counts, strict=True)]
        reader = TreeReader(model, cache)
        lines, parents = [[] for _ in texts], [[] for _ in texts]
        for _ in range(2):
            first = [len(line) for line in lines]
            sizes = [generator.randint(1, 4) for _ in texts]
            new = [draw_tree(generator, size, start) for size, start in zip(sizes, first, strict=True)]
            logits = reader.read([line for line, _ in new], [behind for _, behind in new])
            for row, (line, behind) in enumerate(new):
                lines[row] += line
                parents[row] += behind
                ways = ways_of(lines[row], parents[row])[first[row] :]
                for place, way in enumerate(ways):
                    wanted = model.prefill([texts[row] + way])[1][0, -1]
                    torch.testing.assert_close(logits[row, place - len(ways)], wanted, atol=1e-4, rtol=1e-4)
        kept = []
        for row, behind in enumerate(parents):
            token, way = generator.randrange(-1, len(behind)), []
            while token >= 0:
                way.insert(0, token)
                token = behind[token]
            kept.append(way)
            texts[row] += [lines[row][token] for token in way]
        reader.keep(kept)
        assert cache.slots.positions == [len(text) for text in texts]
        if generator.random() < 0.5:
            rows = [generator.randrange(3) for _ in range(3)]
            cache.select(rows)
            texts = [list(texts[row]) for row in rows]
        logits = append(model, cache, texts, generator)
        for row, text in enumerate(texts):
            torch.testing.assert_close(logits[row], model.prefill([text])[1][0, -1], atol=1e-4, rtol=1e-4)


def test_what_is_kept_of_one_tree_leaves_no_holes(model):
    """The cache holds what was kept and nothing else."""
    cache, _ = model.prefill([[1, 2, 3]])
    for _ in range(3):
        reader = TreeReader(model, cache)
        reader.read([[4, 5, 6, 7, 8]], [[-1, -1, 0, 1, 1]])
        reader.keep([[1, 4]])
    assert cache.num_slots == 9
    assert cache.slots.live is None


def test_rows_may_join_while_a_tree_is_open(model):
    """Newcomers lose nothing, the others what was not kept."""
    generator = random.Random(5)
    texts = [[1, 2, 3, 4, 5], [6, 7]]
    cache, _ = model.prefill(texts)
    reader = TreeReader(model, cache)
    reader.read([[8, 9, 10], [11, 12]], [[-1, -1, 1], [-1, 0]])
    added, _ = model.prefill([[13, 14, 15, 16, 17, 18, 19, 20, 21]])
    cache.join(added)
    reader.keep([[1, 2], []])
    texts = [[*texts[0], 9, 10], texts[1], [13, 14, 15, 16, 17, 18, 19, 20, 21]]
    logits = append(model, cache, texts, generator)
    for row, text in enumerate(texts):
        torch.testing.assert_close(logits[row], model.prefill([text])[1][0, -1], atol=1e-4, rtol=1e-4)


def test_networks_that_read_lines_only_are_refused():
    """The message names the network, what it lacks, and the cure."""
    from transformers import BloomConfig, BloomForCausalLM

    config = BloomConfig(vocab_size=280, hidden_size=32, n_layer=1, n_head=4, bos_token_id=None, eos_token_id=264)
    bloom = guidance.Model(HuggingFaceCausalLM(BloomForCausalLM(config)), make_tokenizer(), name="bloom")
    with pytest.raises(
        ModelError, match=r"bloom: got tree for a HuggingFaceCausalLM that reads lines only.*leave tree"
    ):
        check_reads_trees(bloom)
    network = HuggingFaceCausalLM(make_network("llama"))
    assert network.can_branch
