"""Real server processes, which can be killed and started again on the same port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

STARTING = 120.0  # seconds


class Running:
    """`memgraft serve` on a free port of its own.

    Args:
        location: the store.
        log: file for what the server says.
        options: further options of the command.
    """

    def __init__(self, location: str, log: Path, *options: str) -> None:
        self.location, self.log, self.options = location, log, options
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Running:
        command = [sys.executable, "-m", "memgraft", "serve", "--port", str(self.port)]
        command += ["--store", self.location, *self.options]
        environment = {**os.environ, "MEMGRAFT_ENCODER": "static", "OMP_NUM_THREADS": "1"}
        with self.log.open("a") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
        deadline = time.monotonic() + STARTING
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        """As a power cut does it, as far as a process can tell."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
            self._process = None

    def errors(self) -> list[str]:
        """Lines of the log that tell of something unexpected."""
        return [line for line in self.log.read_text().splitlines() if '"level": "error"' in line]

    def client(self, key: str = "any", timeout: float = 60.0) -> httpx.Client:
        headers = {"Authorization": f"Token {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=timeout, trust_env=False)

    def __enter__(self) -> Running:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url + "/ready", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
