"""Interleave fixed text and typed holes.

template.py  ``template("Name: {name:str} Age: {age:int}")``        holes.py  types as plain text, without JSON's quotes
"""

from __future__ import annotations

from grammars.templates.template import Template, template

__all__ = ["Template", "template"]
