"""Use the engine without a model: which tokens may come next? Prints the allowed tokens after each step."""

from fsm import Vocabulary, allocate_token_bitmask
from fsm.mask import allowed_token_ids
from grammars import regex

vocabulary = Vocabulary([b"</s>", b"a", b"b", b"ab", b"ba"], eos_token_ids=[0])
matcher = regex("a(ba)*").compile(vocabulary).matcher()
mask = allocate_token_bitmask(1, vocabulary.size)
for token_id in (1, 4):
    matcher.fill_next_token_bitmask(mask)
    print([vocabulary.token_bytes[i] for i in allowed_token_ids(mask[0])])
    matcher.advance(token_id)
print("accepted" if matcher.is_accepting else "not yet")
