"""Keep what calls of one model made on the device, for later calls: grammars, and steps with their buffers and graphs.

Both are bounded; what was used longest ago goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guidance.device.grammar import DeviceGrammar
    from guidance.device.step import DeviceStep

__all__ = ["KeptSteps"]

_MOST_GRAMMARS = 64
_MOST_STEPS = 8


class KeptSteps:
    """Remember grammars and steps; owned by one `guidance.Model`.

    Parameters
    ----------
    most_step_bytes : the most that the keys and values of all steps take; one step is always kept.
    """

    def __init__(self, most_step_bytes: int = 1 << 30) -> None:
        self.most_step_bytes = most_step_bytes
        self._grammars: OrderedDict[Hashable, DeviceGrammar | str] = OrderedDict()
        self._steps: OrderedDict[Hashable, DeviceStep] = OrderedDict()

    @property
    def num_bytes(self) -> int:
        """Return the memory of the kept steps' keys and values."""
        return sum(step.num_bytes for step in self._steps.values())

    def grammar(self, key: Hashable, make: Callable[[], DeviceGrammar | str]) -> DeviceGrammar | str:
        """Return a grammar's tables, or why there are none; made when first asked for."""
        if key not in self._grammars:
            self._grammars[key] = make()
            if len(self._grammars) > _MOST_GRAMMARS:
                self._grammars.popitem(last=False)
        self._grammars.move_to_end(key)
        return self._grammars[key]

    def take_step(self, key: Hashable, make: Callable[[], DeviceStep]) -> DeviceStep:
        """Return a step nobody else uses; give it back with `keep_step`."""
        return self._steps.pop(key, None) or make()

    def keep_step(self, key: Hashable, step: DeviceStep) -> None:
        """Keep a step for the next call of the same shape."""
        self._steps[key] = step
        while len(self._steps) > 1 and (len(self._steps) > _MOST_STEPS or self.num_bytes > self.most_step_bytes):
            self._steps.popitem(last=False)
