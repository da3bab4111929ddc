"""Use the engine without a model: which tokens may come next? Prints the allowed tokens after each step."""

from fsm import Vocabulary, allowed_token_ids
from grammars import regex

vocabulary = Vocabulary([b"</s>", b"a", b"b", b"ab", b"ba"], eos_token_ids=[0])
matcher = regex("a(ba)*").compile(vocabulary).matcher()
for token_id in (1, 4):
    print([vocabulary.token_bytes[i] for i in allowed_token_ids(matcher.next_token_bitmask())])
    matcher.advance(token_id)
print("accepted" if matcher.is_accepting else "not yet")
