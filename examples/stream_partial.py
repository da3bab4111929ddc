"""Read a typed object while it is being written. Prints the object as each field arrives."""

from pydantic import BaseModel

import guidance


class Person(BaseModel):
    """Who a sentence describes."""

    name: str
    age: int
    city: str


model = guidance.load("embedded")
seen = None
for event in guidance.stream(model, "Who is described?\n\nMara Lindqvist is 36 and lives in Turin.", Person):
    if event.partial != seen:
        seen = event.partial
        print(seen)
