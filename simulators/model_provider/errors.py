"""A request that is not answered, before any dialect has words for it."""


class ApiError(Exception):
    """A refusal.

    Attributes:
        status: The HTTP status. A dialect may have another for it.
        param: The field of the request that is wrong, None when it is not about one.
        code: OpenAI's machine-readable code, None for the status's usual one.
        retry_after_s: When to come back, None if that is not told.
    """

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s


INVALID_KEY = "invalid_api_key"
"""The `code` of a key that is not let in; dialects have their own words for it."""
