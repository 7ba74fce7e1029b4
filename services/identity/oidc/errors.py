"""What goes wrong in a sign-in. People hear that it did not succeed, and why; the log and the audit say it too."""

from enum import StrEnum

from domain.caller_errors import Unauthenticated


class Reason(StrEnum):
    """Why a sign-in did not succeed."""

    UNKNOWN_STATE = "unknown_state"
    OTHER_BROWSER = "other_browser"
    OTHER_ISSUER = "other_issuer"
    DENIED = "denied"
    BAD_METADATA = "bad_metadata"
    ADDRESS_REFUSED = "address_refused"
    CODE_REFUSED = "code_refused"
    BAD_ANSWER = "bad_answer"
    BAD_ID_TOKEN = "bad_id_token"  # noqa: S105  no token
    UNKNOWN_KEY = "unknown_key"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_NONCE = "wrong_nonce"
    WRONG_TIME = "wrong_time"
    UNKNOWN_USER = "unknown_user"
    DISABLED = "disabled"


class SignInFailed(Unauthenticated):
    """A sign-in at a provider that did not succeed."""

    code = "sign_in_failed"

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"the sign-in did not succeed ({reason.value}); begin again")
        self.reason = reason
