"""The one error of a model call that no provider tells: its own time is up."""

from domain.errors import ModelUnavailable


class ModelTimedOut(ModelUnavailable):
    """No whole answer within the call's own time."""

    code = "timeout"
