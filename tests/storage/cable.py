"""A way to the database that can be cut and mended, to see how its users live through an outage."""

import asyncio
from pathlib import Path

from sqlalchemy.engine import make_url

_SOCKET = ".s.PGSQL.5432"


class Cable:
    """Forwards a Unix socket in `folder` to the database at `url`. Cut at first."""

    def __init__(self, url: str, folder: Path) -> None:
        parsed = make_url(url)
        self._far = Path(str(parsed.query["host"])) / _SOCKET
        self._near = folder / _SOCKET
        self.url = parsed.update_query_dict({"host": str(folder)}).render_as_string(hide_password=False)
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        """Take connections from now on."""
        self._server = await asyncio.start_unix_server(self._connect, self._near)

    async def cut(self) -> None:
        """End every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
        self._near.unlink(missing_ok=True)
        for end in self._ends:
            end.transport.abort()
        await asyncio.sleep(0)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._far)
        self._ends |= {writer, far_writer}
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        self._ends -= {writer, far_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
