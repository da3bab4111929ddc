"""Answer in the form of a regular expression. Prints: 36."""

import guidance
from grammars import regex

model = guidance.load("embedded")
prompt = "How old is the person?\n\nMara Lindqvist is 36 and lives in Turin.\n"
print(guidance.generate(model, prompt, regex(r"\d{1,3}")).value)
