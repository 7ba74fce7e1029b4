"""One adapter for each API: the internal form (`services.llm.chat`) spoken to a server and back.

All of a process share one pool of connections (`connections`), one way of reading streams (`reading`) and one table of
errors (`refusals`). They keep nothing but what a model's server is known to refuse (`concessions`).
"""

from services.llm.adapters.factory import open_adapters

__all__ = ["open_adapters"]
