"""Models: how they are asked, what they cost, and the promise that a journaled answer is never asked for twice.

`chat` is the internal form of a call, `adapters` speak it to servers, `caller` journals it, `prompts` words it.
Errors are those of `domain.errors`; their texts carry no prompt and no secret.
"""
