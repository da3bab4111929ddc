"""Steer by a classifier that judges every prefix: prints a text steered to praise and to blame, and a typed one."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

import guidance
from classifiers import Fudge


class Post(BaseModel):
    """A message about something."""

    topic: str
    message: Annotated[str, StringConstraints(min_length=20, max_length=120)]


writer = guidance.load("embedded/writer")
sampling = guidance.Sampling(temperature=0.8, seed=3)

for attribute in ("positive", "negative"):
    steer = Fudge("embedded/sentiment", attribute=attribute, strength=2.0)
    result = guidance.generate(writer, "Write about the lamp.\n\n", steer=[steer], sampling=sampling)
    print(f"{attribute}: {result.text}")

steer = Fudge("embedded/sentiment", attribute="positive", strength=2.0)
post = guidance.generate(writer, "Write about the lamp as JSON.\n\n", Post, steer=[steer], sampling=sampling)
print(post.value)
