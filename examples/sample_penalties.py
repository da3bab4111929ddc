"""Shape what is drawn: truncation, penalties, bad words. Prints three texts without the letters a and e."""

import guidance

model = guidance.load("embedded/writer")
penalties = guidance.Penalties(repetition=1.1, no_repeat_ngram=3, bad_words=["a", "e"], min_tokens=8)
sampling = guidance.Sampling(temperature=0.9, top_p=0.95, min_p=0.02, seed=3, n=3, penalties=penalties)
for result in guidance.generate(model, "A note:\n", sampling=sampling, max_tokens=16):
    assert not {"a", "e"} & set(result.text)
    print(f"log-probability {result.log_prob:7.2f}  {result.text!r}")
