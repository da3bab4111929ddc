"""Grammars inside transformers' own generate, with beams; and our loop behind it. Prints two people, then two more."""

from pydantic import BaseModel
from transformers import AutoModelForCausalLM, AutoTokenizer

import guidance
from guidance.adapters.transformers import GrammarLogitsProcessor, guidance_generate
from guidance.embedded import embedded_path


class Person(BaseModel):
    """Who a sentence describes."""

    name: str
    age: int
    city: str


network = AutoModelForCausalLM.from_pretrained(embedded_path("base"))
tokenizer = AutoTokenizer.from_pretrained(embedded_path("base"))
model = guidance.Model(network, tokenizer)

sentences = ["Mara Lindqvist is 36 and lives in Turin.", "In Oslo, you will find Kwame Okonkwo, aged 41."]
inputs = tokenizer([f"Who is described?\n\n{sentence}" for sentence in sentences], return_tensors="pt", padding=True)

processor = GrammarLogitsProcessor(model, Person)
sequences = network.generate(**inputs, num_beams=4, max_new_tokens=80, logits_processor=[processor])
print("beams of transformers:", processor.values(sequences))

custom = guidance_generate(Person, model=model, speculate=guidance.Speculation(draft="prompt-lookup"))
found = network.generate(**inputs, max_new_tokens=80, custom_generate=custom, return_dict_in_generate=True)
print("our loop, with drafts:", [result.value for result in found.results])
