"""Measure what the README claims: ``python -m benchmarks.NAME [--json FILE]``.

maskbench   correctness, time and memory of JSON Schema masks, beside other engines
walks       random walks through masks: does every text that the masks allow end, parse and validate?
"""
