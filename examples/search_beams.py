"""Search for outputs instead of drawing them. Prints the likeliest records, three different draws, the best of 8."""

from pydantic import BaseModel

import guidance


class Person(BaseModel):
    """Who a sentence describes."""

    name: str
    age: int
    city: str


model = guidance.load("embedded")
prompt = "Who is described?\n\nMara Lindqvist is 36 and lives in Turin."

three = guidance.Sampling(temperature=0.0, n=3)
for result in guidance.generate(model, prompt, Person, search=guidance.Beams(num_beams=4), sampling=three):
    print(f"beam {result.score:8.4f}  {result.value}")

warm = guidance.Sampling(temperature=1.5, seed=1, n=3)
for result in guidance.generate(model, prompt, Person, search=guidance.StochasticBeams(num_beams=3), sampling=warm):
    print(f"draw without repetition, weight {result.weight:.4f}  {result.value}")

hot = guidance.Sampling(temperature=2.0, seed=1)
best = guidance.generate(model, prompt, Person, search=guidance.BestOf(num_samples=8, by="mean_log_prob"), sampling=hot)
print(f"best of 8 {best.score:.4f}  {best.value}")
