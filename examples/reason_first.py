"""Let a model reason within a limit of tokens, then answer as a type. Prints: reasoning, then the answer."""

import guidance
from grammars import reasoned

model = guidance.load("embedded")
prompt = "Who is described?\n\nMara Lindqvist is 36 and lives in Turin."
result = guidance.generate(model, prompt, reasoned(dict[str, int | str], max_tokens=24), max_tokens=120)
print("reasoning:", result.captures["reasoning"])
print("answer:", result.captures["answer"])
