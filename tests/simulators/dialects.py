"""The three dialects of the simulated provider, side by side: how to ask in each, and where the answer stands."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from simulators.model_provider.json_value import Json, JsonObject
from tests.simulators.served import Provider


@dataclass(frozen=True)
class Spoken:
    """One dialect. `text` and `delta` read an answer and an event; `key` names the header of the API key."""

    name: str
    path: str
    stream_path: str
    key: str
    body: Callable[[str], JsonObject]
    text: Callable[[Json], str]
    delta: Callable[[Json], str]
    usage: Callable[[Json], Json]
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def ask(
        self, provider: Provider, text: str = "What is 12*7?", *, stream: bool = False, key: str = "k", **fields: Json
    ) -> httpx.Response:
        """Ask, and return the whole response."""
        body = self.body(text) | fields
        if stream and self.name != "gemini":
            body["stream"] = True
        secret = f"Bearer {key}" if self.key == "authorization" else key
        headers = self.headers | {self.key: secret}
        return provider.http.post(self.stream_path if stream else self.path, json=body, headers=headers)

    def streamed_text(self, response: httpx.Response) -> str:
        """Return the text of a streamed answer."""
        return "".join(self.delta(event) for event in events(response.text))

    def __str__(self) -> str:
        return self.name


def events(text: str) -> list[Json]:
    """Return the data of a stream's events, `[DONE]` left out."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def _openai_delta(event: Json) -> str:
    return str(event["choices"][0]["delta"].get("content") or "") if event["choices"] else ""


def _anthropic_delta(event: Json) -> str:
    return str(event.get("delta", {}).get("text", ""))


def _gemini_text(answer: Json) -> str:
    return "".join(part.get("text", "") for part in answer["candidates"][0]["content"].get("parts", ()))


OPENAI = Spoken(
    name="openai",
    path="/v1/chat/completions",
    stream_path="/v1/chat/completions",
    key="authorization",
    body=lambda text: {"model": "m", "messages": [{"role": "user", "content": text}]},
    text=lambda answer: str(answer["choices"][0]["message"]["content"]),
    delta=_openai_delta,
    usage=lambda answer: answer["usage"],
)
ANTHROPIC = Spoken(
    name="anthropic",
    path="/anthropic/v1/messages",
    stream_path="/anthropic/v1/messages",
    key="x-api-key",
    body=lambda text: {"model": "m", "max_tokens": 5000, "messages": [{"role": "user", "content": text}]},
    text=lambda answer: str(answer["content"][0]["text"]) if answer["content"] else "",
    delta=_anthropic_delta,
    usage=lambda answer: answer["usage"],
    headers={"anthropic-version": "2023-06-01"},
)
GEMINI = Spoken(
    name="gemini",
    path="/gemini/v1beta/models/m:generateContent",
    stream_path="/gemini/v1beta/models/m:streamGenerateContent?alt=sse",
    key="x-goog-api-key",
    body=lambda text: {"contents": [{"role": "user", "parts": [{"text": text}]}]},
    text=_gemini_text,
    delta=_gemini_text,
    usage=lambda answer: answer["usageMetadata"],
)
ALL = (OPENAI, ANTHROPIC, GEMINI)
