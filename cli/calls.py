"""How commands talk to the API: a client, patience while it is busy, and its refusals in words.

Knows nothing of what is asked for.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

ATTEMPTS: Final = 30
LONGEST_PAUSE_S: Final = 10.0
TIMEOUT_S: Final = 120.0
BUSY: Final = frozenset((httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE))
LOOPBACK: Final = frozenset(("127.0.0.1", "::1", "localhost"))

Pause = Callable[[float], None]


class NotTaken(RuntimeError):
    """The API did not take what was sent, or did not come to rest in time."""


def client_of(api_url: str, api_key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {api_key}"}
    # A proxy meant for the internet must not see a key for this machine.
    away = urlsplit(api_url).hostname not in LOOPBACK
    return httpx.Client(base_url=api_url, headers=headers, timeout=TIMEOUT_S, trust_env=away)


def patiently(
    client: httpx.Client, pause: Pause, method: str, address: str, **request: Any
) -> httpx.Response:
    """Ask again while the API says it is busy, as long as it says, a bounded number of times."""
    for _ in range(ATTEMPTS):
        answer = client.request(method, address, **request)
        if answer.status_code not in BUSY:
            return answer
        pause(pause_of(answer, 1.0))
    raise NotTaken(f"{method} {address} was still refused after {ATTEMPTS} attempts")


def taken(answer: httpx.Response) -> dict[str, Any]:
    """The body of a success; anything else is raised with the problem the API named."""
    if not answer.is_success:
        request = answer.request
        raise NotTaken(f"{request.method} {request.url.path}: {answer.text[:500]}")
    body: dict[str, Any] = answer.json() if answer.content else {}
    return body


def pause_of(answer: httpx.Response, default_s: float) -> float:
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked) if asked.isdigit() else default_s, LONGEST_PAUSE_S)


def problem_of(answer: httpx.Response) -> Mapping[str, Any] | None:
    """The problem that the API names (RFC 9457); None where something else answers."""
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) and "code" in body and "detail" in body else None


class Interruptions:
    """How often a connection may break before it is given up; each success starts anew."""

    def __init__(self, pause: Pause = time.sleep, attempts: int = 6) -> None:
        self._pause, self._attempts, self._broken = pause, attempts, 0

    def again(self, error: httpx.TransportError) -> None:
        """Wait a little, a little longer each time; raises the error when that was often enough."""
        self._broken += 1
        if self._broken >= self._attempts:
            raise error
        self._pause(min(0.5 * 2**self._broken, LONGEST_PAUSE_S))

    def over(self) -> None:
        self._broken = 0
