"""Choose among fixed texts. Prints: product."""

import guidance
from grammars import choice

model = guidance.load("embedded")
prompt = "What kind of record is this?\n\nThe Veltrano lamp costs $24 and is in stock.\n"
print(guidance.generate(model, prompt, choice(["person", "product", "event"])).value)
