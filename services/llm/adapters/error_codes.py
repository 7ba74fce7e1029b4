"""What providers' error codes and sentences mean. Codes are compared in lower case; all three APIs share the tables.

Sources: the error pages of the OpenAI, Anthropic and Gemini APIs (`google.rpc.Code`), of OpenRouter, DeepSeek and
Alibaba's Model Studio, and the words of vLLM, llama.cpp and Ollama.
"""

from domain.errors import (
    ModelContentRefused,
    ModelContextTooLong,
    ModelCredentialDead,
    ModelError,
    ModelRejected,
    ModelThrottled,
    ModelUnavailable,
)

Kind = type[ModelError]

TELLING: dict[str, Kind] = {
    "insufficient_quota": ModelCredentialDead,
    "insufficient_balance": ModelCredentialDead,
    "billing_error": ModelCredentialDead,
    "billing_hard_limit_reached": ModelCredentialDead,
    "billing_not_active": ModelCredentialDead,
    "enforced_spend_limit_reached": ModelCredentialDead,
    "contract_spend_limit_reached": ModelCredentialDead,
    "linked_organization_spend_limit_reached": ModelCredentialDead,
    "organization_on_hold": ModelCredentialDead,
    "arrearage": ModelCredentialDead,
    "invalid_api_key": ModelCredentialDead,
    "api_key_invalid": ModelCredentialDead,
    "api_key_expired": ModelCredentialDead,
    "account_deactivated": ModelCredentialDead,
    "context_length_exceeded": ModelContextTooLong,
    "context_window_exceeded": ModelContextTooLong,
    "exceed_context_size_error": ModelContextTooLong,
    "content_policy_violation": ModelContentRefused,
    "content_filter": ModelContentRefused,
    "moderation_blocked": ModelContentRefused,
    "invalid_prompt": ModelContentRefused,
    "data_inspection_failed": ModelContentRefused,
    "datainspectionfailed": ModelContentRefused,
}
"""Codes that say more than any status beside them."""

USUAL: dict[str, Kind] = {
    "authentication_error": ModelCredentialDead,
    "unauthenticated": ModelCredentialDead,
    "permission_error": ModelCredentialDead,
    "permission_denied": ModelCredentialDead,
    "rate_limit_exceeded": ModelThrottled,
    "rate_limit_error": ModelThrottled,
    "resource_exhausted": ModelThrottled,
    "overloaded_error": ModelThrottled,
    "engine_overloaded": ModelThrottled,
    "throttling": ModelThrottled,
    "server_error": ModelUnavailable,
    "internal_server_error": ModelUnavailable,
    "internal": ModelUnavailable,
    "unavailable": ModelUnavailable,
    "service_unavailable": ModelUnavailable,
    "deadline_exceeded": ModelUnavailable,
    "aborted": ModelUnavailable,
    "api_error": ModelUnavailable,
    "timeout": ModelUnavailable,
    "timeout_error": ModelUnavailable,
    "model_not_found": ModelRejected,
    "not_found": ModelRejected,
    "not_found_error": ModelRejected,
    "invalid_argument": ModelRejected,
    "failed_precondition": ModelRejected,
    "out_of_range": ModelRejected,
    "invalid_request_error": ModelRejected,
    "request_too_large": ModelRejected,
    "unsupported_parameter": ModelRejected,
    "unsupported_value": ModelRejected,
}
"""Codes that are read where there is no status, as inside an answer that began with 200."""

SENTENCES: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (
        ModelContextTooLong,
        (
            "maximum context length",
            "context length",
            "context window",
            "context limit",
            "context size",
            "prompt is too long",
            "input is too long",
            "longer than the maximum model length",
            "exceeds the maximum number of tokens",
            "range of input length",
            "reduce the length of the messages",
        ),
    ),
    (ModelCredentialDead, ("credit balance is too low", "insufficient balance", "api key not valid")),
    (ModelContentRefused, ("content filtering policy", "content exists risk", "usage policies", "usage policy")),
)
"""What the message of a refused request says where the API has no code for it. It is read, and never repeated."""

STATUSES: dict[int, Kind] = {
    401: ModelCredentialDead,
    402: ModelCredentialDead,
    403: ModelCredentialDead,
    408: ModelUnavailable,
    409: ModelUnavailable,
    425: ModelUnavailable,
    429: ModelThrottled,
    529: ModelThrottled,
}
"""Statuses that mean something else than their hundred."""
