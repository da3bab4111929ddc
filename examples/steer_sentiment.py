"""Praise or blame by two small experts, in plain text and in JSON. Prints one message for each strength."""

from pydantic import BaseModel

import guidance
from proxy_tuning import DExperts


class Post(BaseModel):
    """A message about something."""

    topic: str
    message: str


writer = guidance.load("embedded/writer")
positive, negative = guidance.load("embedded/positive"), guidance.load("embedded/negative")
sampling = guidance.Sampling(seed=4)
for alpha in (-2.0, 0.0, 2.0):
    steer = [DExperts(expert=positive, antiexpert=negative, alpha=alpha)]
    text = guidance.generate(writer, "Write about the lamp.\n\n", steer=steer, sampling=sampling).text
    post = guidance.generate(writer, "Write about the lamp as JSON.\n\n", Post, steer=steer, sampling=sampling).value
    print(f"alpha {alpha:+.0f}: {text}\n          {post!r}")
