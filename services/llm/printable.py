"""Text that every store takes: models and their servers send NULs and halves of surrogate pairs now and then."""


def printable(text: str) -> str:
    """Return a text that every store takes: a NUL or a lone surrogate becomes U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
