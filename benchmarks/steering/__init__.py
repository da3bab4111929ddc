"""Measure steering: how far it gets, what it does to the text, and what it costs.

rows.py        one row of the report, and Wilson intervals       texts.py    messages drawn, judged and described
sections.py    the list of sections: each yields rows            __main__.py runs them
world.py       a world whose laws are known exactly              sentiment.py  experts on praise and blame
register.py    proxies on formal writing                         documents.py  the same inside JSON
costs.py       what a steered step costs                         drafts.py     what chain speculation saves
published.py   the same beside published code                  watermarks.py what marks cost and show
"""

from __future__ import annotations

__all__: list[str] = []
