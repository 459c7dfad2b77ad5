"""The CPU that a PostgreSQL server spends on a measurement, beside that of the process that measures."""

from __future__ import annotations

import os
from pathlib import Path


class Server:
    """The processes of a PostgreSQL server, by the number of its first one; none while that is 0."""

    pid = 0

    def seconds(self) -> float:
        """CPU seconds of the server: its own, its children's, and those of children that have ended."""
        if not self.pid:
            return 0.0
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            if stat.parent.name == str(self.pid):
                ticks += sum(map(int, fields[11:15]))
            elif fields[1] == str(self.pid):
                ticks += sum(map(int, fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")


SERVER = Server()


def postmaster(url: str) -> int:
    """The process that the server's others are children of."""
    import psycopg

    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        return int(Path(f"/proc/{row[0] if row else 0}/stat").read_text().rpartition(")")[2].split()[1])
