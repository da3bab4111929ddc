"""Let a model compute a function, given its signature and docstring. Prints two Person objects, run as one batch."""

from dataclasses import dataclass

import guidance


@dataclass
class Person:
    """Who a sentence describes."""

    name: str
    age: int
    city: str


@guidance.structured(model="embedded")
def extract(text: str) -> Person:
    """Who is described?\n\n{text}"""


for person in extract.batch(["Ada Lovelace, 36, London", "Kwame Okonkwo, who works in Lagos, has just turned 18."]):
    print(person)
