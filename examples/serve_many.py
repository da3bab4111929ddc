"""Serve requests that differ in everything from one running batch. Prints each result, and how the engine is loaded."""

import asyncio

import guidance
from grammars import choice


async def main() -> None:
    """Submit three requests, follow one, cancel one."""
    prompt = "Who is described?\n\nMara Lindqvist is 36 and lives in Turin."
    async with guidance.Engine("embedded", max_rows=4, max_waiting=8) as engine:
        record = await engine.submit(prompt, dict[str, int | str])
        kind = await engine.submit(prompt, choice(["person", "product"]), sampling=guidance.Sampling(seed=1))
        endless = await engine.submit(prompt, max_tokens=900)
        async for event in record:
            last = event
        print("record:", last.result.value)
        print("kind:", (await kind).value)
        engine.cancel(endless)
        print("stopped because:", (await endless).stop_reason)
        print("running:", engine.num_running, "waiting:", engine.num_waiting)


asyncio.run(main())
