"""A model provider that speaks OpenAI's, Anthropic's and Gemini's APIs over HTTP and answers by rules.

`python -m simulators.model_provider --port N` serves it; `create_app` in `app.py` builds it in a process. Answers are
deterministic: they follow from the JSON document in the last user message (see docs/model-documents.md), never from the
wording of a prompt. Faults are scripted over HTTP at `/__sim/faults` and `/__sim/script`, every call is logged.

Each dialect has a room of its own (`openai_api/`, `anthropic_api/`, `gemini_api/`): it reads a request into the same
`ChatCall` and words the same `Reply`. All else is shared.
"""
