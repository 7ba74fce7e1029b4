"""What completions and embeddings must say before we take them on; all other fields are relayed as they are."""

from api.gateway.fields import Fields


def check_completion(asked: Fields) -> None:
    """Check a completion: its prompt, a text or a list, and its bounds.

    Raises:
        BadField: A field has the wrong type or value, or the prompt is missing.
    """
    if not isinstance(asked.required("prompt"), str):
        asked.array("prompt")
    asked.count("max_tokens")
    asked.count("n", at_least=1)


def check_embeddings(asked: Fields) -> None:
    """Check embeddings: their input, a text or a list that is not empty.

    Raises:
        BadField: A field has the wrong type or value, or the input is missing.
    """
    value = asked.required("input")
    if not (value if isinstance(value, str) else asked.array("input")):
        raise asked.bad("input", "must not be empty")
    asked.count("dimensions", at_least=1)
