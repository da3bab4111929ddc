"""Look for the output instead of drawing it token by token.

beams.py       beam search, plain and in diverse groups        stochastic.py   draws without replacement
best_of_n.py   the best of several draws                       contrastive.py  likely, and unlike what was said
decoder.py     one cache, reordered as beams fork and end      frontier.py     who goes on
beam.py        a text that forks, its grammar and states too   choices.py      what may follow, ranked
noise.py       random numbers that depend on the text          hidden.py       the network's last hidden states
"""

from __future__ import annotations

from guidance.search.beams import Beams, DiverseBeams
from guidance.search.best_of_n import BestOf
from guidance.search.contrastive import Contrastive
from guidance.search.stochastic import StochasticBeams

__all__ = ["Beams", "BestOf", "Contrastive", "DiverseBeams", "StochasticBeams"]
