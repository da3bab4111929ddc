"""Generate text that is exactly the type asked for.

loading.py      models by name: ``load("embedded")``, a folder, a hub id
api.py          ``generate`` and ``stream``                   decorators.py   ``structured``
options.py      what all three may be given                   call.py         their arguments to requests
splitting.py    batches that memory does not hold             memory.py       what the process took
engine/         many callers, one running batch               estimation.py   what a model will take
metrics/        figures in a line, and for services
docstring.py    docstrings as templates                       captures.py     the named parts of an output
result.py       what comes back                               sampling.py     how tokens are drawn
output.py       output types to grammars and readers          errors.py       the runtime's errors
model.py        a network with its tokenizer                  encoding.py     text to token ids
tokenizers/     vocabularies of tokenizers                    transformer/    networks and their KV caches
speculation/    tokens drafted ahead of the model             kv_cache/       prompts read, and kept
logits/         the law of the next token                     decoding/       the loop
search/         beams, the best of several draws        watermark/      marks in the text, and their detection
embedded/       models shipped with the package               cli/            the command line
adapters/       into loops of other libraries
lazy_names.py   public names, imported when used
environment.py  refuses a foreign package of this name        kernels.py      compiles once, in the open

Names are imported on first use: ``import guidance`` and ``guidance --help`` wait for no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from guidance.environment import check_environment
from guidance.lazy_names import lazy_names

if TYPE_CHECKING:
    from fsm.errors import GuidanceError
    from grammars.templates import template
    from guidance.api import generate, stream
    from guidance.decorators import structured
    from guidance.engine import Engine
    from guidance.estimation import estimate
    from guidance.loading import load
    from guidance.model import CausalLM, Model
    from guidance.penalties import Dry, Penalties
    from guidance.result import Event, Result
    from guidance.sampling import Sampling
    from guidance.search import Beams, BestOf, Contrastive, DiverseBeams, StochasticBeams
    from guidance.speculation import Speculation
    from guidance.watermark import Watermark, detect_watermark

__all__ = [
    "Beams",
    "BestOf",
    "CausalLM",
    "Contrastive",
    "DiverseBeams",
    "Dry",
    "Engine",
    "Event",
    "GuidanceError",
    "Model",
    "Penalties",
    "Result",
    "Sampling",
    "Speculation",
    "StochasticBeams",
    "Watermark",
    "detect_watermark",
    "estimate",
    "generate",
    "load",
    "stream",
    "structured",
    "template",
]

_HOMES = {
    "Beams": "guidance.search",
    "BestOf": "guidance.search",
    "CausalLM": "guidance.model",
    "Contrastive": "guidance.search",
    "DiverseBeams": "guidance.search",
    "Dry": "guidance.penalties",
    "Engine": "guidance.engine",
    "Event": "guidance.result",
    "GuidanceError": "fsm.errors",
    "Model": "guidance.model",
    "Penalties": "guidance.penalties",
    "Result": "guidance.result",
    "Sampling": "guidance.sampling",
    "Speculation": "guidance.speculation",
    "StochasticBeams": "guidance.search",
    "Watermark": "guidance.watermark",
    "detect_watermark": "guidance.watermark",
    "estimate": "guidance.estimation",
    "generate": "guidance.api",
    "load": "guidance.loading",
    "stream": "guidance.api",
    "structured": "guidance.decorators",
    "template": "grammars.templates",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)

check_environment()
