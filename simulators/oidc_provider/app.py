"""The application: the provider's endpoints and the control endpoints."""

from starlette.applications import Starlette

from simulators.oidc_provider.book import Book
from simulators.oidc_provider.control import Control
from simulators.oidc_provider.pages import Pages
from simulators.oidc_provider.settings import Settings


def create_app(settings: Settings | None = None) -> Starlette:
    """Return a provider with a book of its own."""
    book = Book(dict((settings or Settings()).clients))
    return Starlette(routes=[*Pages(book).routes(), *Control(book).routes()])
