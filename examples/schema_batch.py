"""Fill a JSON Schema for several prompts in one batch, two samples each. Prints one line per sample."""

import json
from pathlib import Path

import guidance

schema = json.loads(Path(__file__).with_name("person.schema.json").read_text())
model = guidance.load("embedded")
prompts = [f"Who is described?\n\n{text}" for text in ("Ada Lovelace, 36, London", "Emmy Dijkstra is 90. Rotterdam.")]
sampling = guidance.Sampling(temperature=0.7, seed=1, n=2)
for samples in guidance.generate(model, prompts, schema, sampling=sampling):
    for sample in samples:
        print(sample.value, f"log-probability {sample.log_prob:.3f}")
