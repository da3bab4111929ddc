"""Draft tokens ahead of the model, which verifies them in one pass: same law, fewer model calls.

settings.py       what a caller says
draft_model.py    a smaller network drafts                  early_exit.py   the model's own first layers do
prompt_lookup.py  copies from the text so far              draft_tree.py   a draft follows the trees it proposes
head_drafter.py   the model's own heads guess               heads.py noting.py   those heads, and what they see
ahead.py          one row's grammar, walked ahead           choosing.py     which tokens, from a draft's law
drafting.py       how many tokens, and what became of them  pace.py         the published formula, and what it is fed

How drafts are confirmed, or accepted by their law, stands in ``guidance.decoding``.
"""

from __future__ import annotations

from guidance.speculation.pace import best_num_tokens, expected_tokens, predicted_speedup
from guidance.speculation.settings import Speculation

__all__ = ["Speculation", "best_num_tokens", "expected_tokens", "predicted_speedup"]
