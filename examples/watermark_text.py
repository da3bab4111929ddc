"""Mark texts so that whoever holds the key can find them: prints how surely, and what another key finds."""

import guidance

model = guidance.load("embedded/writer")
mark = guidance.Watermark(key=b"sixteen or more random bytes", gamma=0.25, delta=4.0, scheme="selfhash")

topics = ["camera", "lamp", "train", "harbour", "library", "violin", "kettle", "garden", "bridge", "coat"]
prompts = [f"Write about the {topic}.\n\n" for topic in topics]
sampling = guidance.Sampling(temperature=1.0, seed=1)
text = " ".join(result.text for result in guidance.generate(model, prompts, watermark=mark, sampling=sampling))
print(text[:80], "...")

plain = guidance.detect_watermark(text, model, mark)
print(f"with the key: z = {plain.z:.1f}, p = {plain.p_value:.1g} on {plain.num_scored} tokens")

# The writer has little choice at most tokens; the model itself says which ones can bear a mark.
weighted = guidance.detect_watermark(text, model, mark, model=model)
print(f"weighed by the model's entropy: p = {weighted.p_value:.1g}, watermarked: {weighted.is_watermarked}")

other = guidance.detect_watermark(text, model, guidance.Watermark(key=b"another key"), model=model)
print(f"with another key: p = {other.p_value:.1g}, watermarked: {other.is_watermarked}")
