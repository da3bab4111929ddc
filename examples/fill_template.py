"""Fill a template's typed holes in one call. Prints: {'name': 'Mara Lindqvist', 'age': 36, 'mood': ...}."""

import guidance

model = guidance.load("embedded")
form = guidance.template('{{"name": "{name:str}", "age": {age:int}, "mood": "{mood:good|bad}"}}')
result = guidance.generate(model, "Who is described?\n\nMara Lindqvist is 36 and lives in Turin.", form)
print(result.text)
print(result.value)
