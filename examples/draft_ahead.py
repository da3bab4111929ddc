"""Draft tokens ahead of the model: the same texts in fewer model calls. Prints calls without and with each draft."""

from pydantic import BaseModel

import guidance


class Person(BaseModel):
    """Who a sentence describes."""

    name: str
    age: int
    city: str


model = guidance.load("embedded")
prompt = "Who is described?\n\nMara Lindqvist is 36 and lives in Turin."
plain = guidance.generate(model, prompt, Person)
print("no draft:", plain.value, "in", plain.metrics.num_model_calls, "model calls")

for draft, num_tokens, tree in (("prompt-lookup", 6, None), ("embedded/draft", 6, None), ("heads", 3, (3, 2, 1))):
    speculation = guidance.Speculation(draft=draft, num_tokens=num_tokens, tree=tree)
    result = guidance.generate(model, prompt, Person, speculate=speculation)
    metrics = result.metrics
    print(
        f"{draft}: {'the same text' if result.text == plain.text else 'ANOTHER TEXT'} in {metrics.num_model_calls} "
        f"model calls, {metrics.num_accepted_tokens} of {metrics.num_drafted_tokens} drafts accepted"
    )
