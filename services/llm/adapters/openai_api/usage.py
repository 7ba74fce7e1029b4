"""Token counts of the OpenAI API and its relatives."""

from domain.budget import Usage
from domain.json_fields import object_of
from services.llm.adapters.fields import count_of


def read_usage(raw: object) -> Usage | None:
    """Return a usage as the API tells it, None when it is no usage or cannot be true.

    Cached tokens stand in `prompt_tokens_details`, at DeepSeek in `prompt_cache_hit_tokens`. Some servers (xAI) count
    reasoning beside the completion: the total tells.
    """
    data = object_of(raw)
    given, made = count_of(data.get("prompt_tokens")), count_of(data.get("completion_tokens"))
    if given is None or made is None:
        return None
    cached = count_of(object_of(data.get("prompt_tokens_details")).get("cached_tokens"))
    if cached is None:
        cached = count_of(data.get("prompt_cache_hit_tokens"))
    thought = count_of(object_of(data.get("completion_tokens_details")).get("reasoning_tokens")) or 0
    if thought and data.get("total_tokens") == given + made + thought:
        made += thought
    return Usage(
        input_tokens=given,
        cached_tokens=min(cached or 0, given),
        output_tokens=made,
        reasoning_tokens=min(thought, made),
    )


def read_input_usage(raw: object) -> Usage | None:
    """Return the usage of embeddings, which have no output."""
    given = count_of(object_of(raw).get("prompt_tokens"))
    return None if given is None else Usage(input_tokens=given)
