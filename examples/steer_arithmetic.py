"""Write a law as an expression over models: formal, and at first without blame. Prints what runs, and a message."""

import guidance
from proxy_tuning import BASE, ModelArithmetic, Term, union

writer, formal, negative = (guidance.load(f"embedded/{name}") for name in ("writer", "small_formal", "negative"))


def fading(step: int) -> float:
    """Halve the weight every 20 tokens."""
    return 0.9 * 0.5 ** (step / 20)


law = BASE + 1.5 * Term(formal) - fading * union(BASE, Term(negative))
steer = [ModelArithmetic(law=law)]
print("beside the model:", steer[0].bind(writer).plan)
print(guidance.generate(writer, "Write about the camera.\n\n", steer=steer, sampling=guidance.Sampling(seed=1)).text)
