"""Call a tool in a chat model's own notation. Prints the message and the call, read back with its types."""

import guidance
from grammars import tool_calls


def look_up(name: str, age: int) -> None:
    """Stand for a tool."""


model = guidance.load("embedded")
prompt = "Who is described?\n\nMara Lindqvist is 36 and lives in Turin."
message = tool_calls([look_up], format="hermes", at_least=1, at_most=1, with_text=False)
result = guidance.generate(model, prompt, message)
print(result.text)
(call,) = result.captures["tool_calls"]
print(call.name, call.arguments)
