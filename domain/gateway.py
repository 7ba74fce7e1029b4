"""A call through the gateway: what was asked, how it ended, and who answered. Values only.

The asked and the answered travel as JSON of the OpenAI API (`domain.content.Text`, by reference when long).
"""

from typing import Literal

from pydantic import Field

from domain.budget import Usage
from domain.content import Text
from domain.model_pool import Endpoint, ModelName
from domain.value import Value


class Webhook(Value):
    """Where a job's end is told, signed by Standard Webhooks. `content`: with the answer."""

    url: str = Field(min_length=1, max_length=2000)
    content: bool = False


class CallOptions(Value):
    """What a caller chose.

    Attributes:
        model: The route's name, as asked for.
        stream: Whether the caller follows the answer as it comes.
        priority: 1 (first) to 5 (last), among calls that wait for capacity.
        wait_s: How long to wait for capacity; None: as the route says.
        timeout_s: Bound on the whole call; None: the route's or the deployment's.
        session: Calls of one session stay with one deployment where the route is sticky.
        resets: The caller understands `reset`: after a break the answer may begin anew from another deployment.
        background: A job: nobody waits for it, and nobody's going away ends it.
        cache_key: Under which its answer is kept; None: it is not. `cache_scope`: for which tenant, `cache_ttl_s`: for
            how long.
        grant_micros: What is held for the call, and what it may cost at most with all its attempts; None: no bound.
        flies: The task queue of the process that accepted the call and began it at once; None: a worker begins it.
    """

    endpoint: Endpoint = Endpoint.CHAT
    model: ModelName
    stream: bool = False
    priority: int = Field(default=3, ge=1, le=5)
    wait_s: float | None = Field(default=None, ge=0, le=86_400)
    timeout_s: float | None = Field(default=None, gt=0, le=3600)
    session: str | None = Field(default=None, max_length=200)
    resets: bool = False
    background: bool = False
    webhook: Webhook | None = None
    cache_key: str | None = Field(default=None, max_length=80)
    cache_scope: str = ""
    cache_ttl_s: float = Field(default=0, ge=0)
    flies: str | None = None
    grant_micros: int | None = Field(default=None, ge=0)


class CallError(Value):
    """Why there is no answer. `status` is the HTTP status for the caller, the rest as in OpenAI's error envelope."""

    status: int
    type: str
    code: str
    message: str
    param: str | None = None
    retry_after_s: float | None = None


class Try(Value):
    """One attempt at a provider: what came of it (`ok`, or an error's code), and how long it took."""

    deployment: str
    account: str
    outcome: str
    ms: int = 0


class Routing(Value):
    """Who answered, and why they were chosen. `reason` is one sentence for people; `tries` in order, the last answered.

    `model`: the public name that answered, another than was asked for after a fallback.
    """

    model: str = ""
    provider: str = ""
    account: str = ""
    deployment: str = ""
    upstream_model: str = ""
    reason: str = ""
    simulated: bool = False
    tries: tuple[Try, ...] = ()


class CallOutcome(Value):
    """How a call ended: its `call.finished` event.

    Attributes:
        answer: JSON `{"chunks": […]}`: the answer's chunks as they came (`domain.completion.assemble` joins them); of
            embeddings and completions `{"body": …}`, the answer itself.
        attempt: The number that the answer's chunks were told under (`call.chunk`): the journal's n.
        waited_ms, first_token_ms, total_ms, upstream_ms: From the start of the work: for capacity, to the first token
            (None: there was none), to the end; and what the provider took of it.
    """

    phase: Literal["done", "failed", "cancelled"]
    answer: Text | None = None
    error: CallError | None = None
    finish_reason: str | None = None
    refused: bool = False
    usage: Usage = Usage()
    cost_micros: int = 0
    routing: Routing = Routing()
    attempt: int = 1
    waited_ms: int = 0
    first_token_ms: int | None = None
    total_ms: int = 0
    upstream_ms: int = 0
