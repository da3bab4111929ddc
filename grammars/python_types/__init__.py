"""Turn Python types into grammars, and the texts they accept back into values.

A type's text is JSON, by the JSON Schema that Pydantic gives it; objects are closed unless the type says otherwise.

reader.py       a type, its schema, its values      annotations.py  what callers write to what Pydantic reads
schemas.py      Pydantic's schemas, made exact       closing.py      objects without invented keys
integers.py     integers however they are written    partial.py      values of texts that are not finished
"""

from __future__ import annotations

from grammars.python_types.reader import TypeReader, from_type, schema_of

__all__ = ["TypeReader", "from_type", "schema_of"]
