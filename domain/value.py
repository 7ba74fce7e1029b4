"""The base of every immutable value in the domain."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value. Unknown fields are refused, so that a typo is an error and never a silent default.

    `str_min_length` makes pydantic look into every text: one that is not Unicode (a lone surrogate, which JSON can
    spell) is refused here, and not when it is written into the history.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_min_length=0)
