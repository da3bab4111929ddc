"""Walk at random through masks to the end, and check what was written: ``python -m benchmarks.walks``.

walker.py   take allowed tokens until the text ends; a dead end is a fault of the engine
dialect.py  spell patterns as the validator reads them
oracle.py   parse the text exactly and validate it with `jsonschema` and its format checks
"""
