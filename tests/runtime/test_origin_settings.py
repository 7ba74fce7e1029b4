import pytest
from pydantic import ValidationError

from runtime.settings import Settings


def test_origins_are_read_one_by_one() -> None:
    settings = Settings(allowed_origins="https://tools.example, http://10.0.0.5:3000,")
    assert settings.origins == ("https://tools.example", "http://10.0.0.5:3000")
    assert Settings().origins == ()


@pytest.mark.parametrize("text", ["tools.example", "https://tools.example/", "ftp://x", "https://a@b", "*", "null"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="origins"):
        Settings(allowed_origins=text)
