"""Turn a model's logits into the law tokens are drawn from, and draw.

base.py         what a processor is, and the stages it may stand at
pipeline.py     the one fixed order of stages          assembly.py     sampling settings to processors
mask.py         packed masks applied to logits         sampler.py      greedy and inverse-CDF draws
penalties.py    repetition, frequency, presence, DRY   bias.py         tokens and sequences made more or less likely
bans.py         what is never drawn                    temperature.py  flatter or sharper laws
truncation.py   top-k, top-p and their kin             xtc.py          top choices excluded
mirostat.py     truncation that steers surprise        history.py      the tokens of a row, as a value
remembering.py   what processors that remember it share
log_prob.py     what a drawn token's state is told
"""

from __future__ import annotations

from guidance.logits.bans import BannedText, MinTokens, NoRepeatNgram, Suppress
from guidance.logits.base import PLAIN, Companion, Context, Processor, Stage
from guidance.logits.bias import SequenceBias, TokenBias
from guidance.logits.history import History
from guidance.logits.log_prob import LogProb
from guidance.logits.mask import apply_token_bitmask_inplace
from guidance.logits.mirostat import Mirostat1, Mirostat2
from guidance.logits.penalties import CountPenalty, DryPenalty, RepetitionPenalty
from guidance.logits.pipeline import Law, Pipeline
from guidance.logits.sampler import Draws, Limits, draw_tokens
from guidance.logits.temperature import AdaptiveTemperature, Temperature
from guidance.logits.truncation import Epsilon, Eta, MinP, TopK, TopNSigma, TopP, Typical
from guidance.logits.xtc import Xtc

__all__ = [
    "PLAIN",
    "AdaptiveTemperature",
    "BannedText",
    "Companion",
    "Context",
    "CountPenalty",
    "Draws",
    "DryPenalty",
    "Epsilon",
    "Eta",
    "History",
    "Law",
    "Limits",
    "LogProb",
    "MinP",
    "MinTokens",
    "Mirostat1",
    "Mirostat2",
    "NoRepeatNgram",
    "Pipeline",
    "Processor",
    "RepetitionPenalty",
    "SequenceBias",
    "Stage",
    "Suppress",
    "Temperature",
    "TokenBias",
    "TopK",
    "TopNSigma",
    "TopP",
    "Typical",
    "Xtc",
    "apply_token_bitmask_inplace",
    "draw_tokens",
]
