"""Tune a large model by what tuning did to a small one. Prints a casual and a formal message, and what runs for it."""

import guidance
from proxy_tuning import ProxyTuning

writer = guidance.load("embedded/writer")
tuned, untuned = guidance.load("embedded/small_formal"), guidance.load("embedded/small_writer")
formal = ProxyTuning(tuned=tuned, untuned=untuned)
for steer in ([], [formal]):
    prompt, sampling = "Write about the camera.\n\n", guidance.Sampling(seed=2)
    print(guidance.generate(writer, prompt, steer=steer, sampling=sampling).text)
print("beside the model:", formal.bind(writer).plan)
