"""Measure JSON Schema masks on real schemas, token by token, as MaskBench does, beside other engines.

corpus.py      schemas and instances, tokenised with the Llama-3 vocabulary
engine.py      what a driver offers; ours.py, llguidance.py, xgrammar.py are the drivers
measure.py     one schema under one engine: outcome and times
isolated.py    an engine in a process of its own, where a compile cannot be interrupted
run.py         all schemas under all engines, in turns
figures.py     percentiles and counts
report.py      the table, the README, the JSON file
"""
