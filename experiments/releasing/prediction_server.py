"""Answers predictions over HTTP on loopback, from a bundle alone.

::

    GET  /health    {"status": "ok"}
    GET  /version   which release, run and bundle this is, and what an input looks like
    POST /predict   {"inputs": [...]}  ->  {"predictions": [{"label", "score", "scores"}, ...]}

Errors are JSON with a stable ``code`` and a sentence. Only loopback names are answered, so that no
web page can reach it through a name that it controls.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final

from experiments.errors import PortInUseError
from experiments.releasing.model_inputs import InputError
from experiments.releasing.predictor import Predictor

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8600
MAX_BODY: Final = 32 << 20
MAX_INPUTS: Final = 4096
_READ_S = 30.0
_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_MOST_AT_ONCE = 32


class RequestError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class PredictionServer(ThreadingHTTPServer):
    """Serves one model.

    Parameters
    ----------
    predictor
        The model.
    facts
        What ``/version`` tells.
    port
        Port on loopback; 0 takes a free one.

    Raises
    ------
    PortInUseError
        If somebody listens there.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, predictor: Predictor, facts: Mapping[str, Any], port: int) -> None:
        self.predictor = predictor
        self.facts = dict(facts)
        self.started = time.time()
        self.num_answered = 0
        self.slots = threading.BoundedSemaphore(_MOST_AT_ONCE)
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise PortInUseError(
                f"Expected a free port; got {port} ({error.strerror}). Choose another with --port."
            ) from error

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    server_version = "bakeoff"
    sys_version = ""
    timeout = _READ_S
    server: PredictionServer  # pyright: ignore[reportIncompatibleVariableOverride]
    routes: ClassVar[dict[tuple[str, str], Callable[["_Handler"], dict[str, Any]]]] = {}

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer("POST")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as the base class has it
        """Say nothing: inputs may be private."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what the base class refuses as everything else is answered."""
        self.close_connection = True
        told = explain or message or "It cannot be understood."
        if code == HTTPStatus.NOT_IMPLEMENTED:
            code, told = HTTPStatus.METHOD_NOT_ALLOWED, f"Expected GET or POST; got {self.command}."
        content = {"error": {"code": "bad_request", "message": told}}
        self._send(HTTPStatus(code), content)

    def _answer(self, method: str) -> None:
        status, content = HTTPStatus.OK, {}
        try:
            self._check_host()
            content = self._route(method)(self)
        except RequestError as error:
            status = error.status
            content = {"error": {"code": error.code, "message": str(error)}}
        except (TimeoutError, ConnectionError):
            self.close_connection = True
            return
        except Exception as error:  # noqa: BLE001  one bad request must not end the server
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            told = f"The model failed on this input ({type(error).__name__})."
            content = {"error": {"code": "model_failed", "message": told}}
        self._send(status, content)

    def _route(self, method: str) -> Callable[["_Handler"], dict[str, Any]]:
        path = self.path.partition("?")[0]
        found = self.routes.get((method, path))
        if found is not None:
            return found
        methods = [known for known, route in self.routes if route == path]
        self.close_connection = True  # the body is not read
        if methods:
            raise RequestError(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "wrong_method",
                f"Expected {' or '.join(methods)} for {path}; got {method}.",
            )
        raise RequestError(
            HTTPStatus.NOT_FOUND,
            "unknown_path",
            f"Expected /predict, /health or /version; got {path[:80]!r}.",
        )

    def _check_host(self) -> None:
        name = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if name not in _NAMES:
            self.close_connection = True
            raise RequestError(
                HTTPStatus.FORBIDDEN,
                "wrong_host",
                f"Expected a request to 127.0.0.1 or localhost; got one to {name[:80]!r}.",
            )

    def _health(self) -> dict[str, Any]:
        uptime = round(time.time() - self.server.started, 1)
        return {"status": "ok", "answered": self.server.num_answered, "uptime_s": uptime}

    def _version(self) -> dict[str, Any]:
        return {**self.server.facts, "inputs": self.server.predictor.expectation}

    def _predict(self) -> dict[str, Any]:
        inputs = self._inputs()
        with self.server.slots:
            try:
                answers = self.server.predictor.answers(inputs)
            except InputError as error:
                raise RequestError(
                    HTTPStatus.UNPROCESSABLE_ENTITY, "wrong_input", str(error)
                ) from None
        self.server.num_answered += len(inputs)
        return {"release": self.server.facts.get("release"), "predictions": answers}

    def _inputs(self) -> list[Any]:
        try:
            body = json.loads(self._body())
        except (ValueError, RecursionError) as error:
            raise RequestError(
                HTTPStatus.BAD_REQUEST, "not_json", f"Expected a JSON object; got {error!s:.120}."
            ) from None
        inputs = body.get("inputs") if isinstance(body, dict) else None
        if not isinstance(inputs, list) or not inputs:
            raise RequestError(
                HTTPStatus.BAD_REQUEST,
                "no_inputs",
                'Expected {"inputs": [...]} with at least one input; got something else. '
                "GET /version says what an input looks like.",
            )
        if len(inputs) > MAX_INPUTS:
            raise RequestError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too_many_inputs",
                f"Expected at most {MAX_INPUTS:,} inputs at once; got {len(inputs):,}. Send several "
                "requests.",
            )
        return inputs

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.close_connection = True
            raise RequestError(
                HTTPStatus.LENGTH_REQUIRED, "no_length", "Expected a Content-Length; got none."
            )
        if int(length) > MAX_BODY:
            self.close_connection = True
            raise RequestError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too_large",
                f"Expected at most {MAX_BODY >> 20} MiB; got {int(length):,} bytes. "
                "Send fewer inputs at once.",
            )
        return self.rfile.read(int(length))

    def _send(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


_Handler.routes = {
    ("GET", "/health"): _Handler._health,  # noqa: SLF001  its own class
    ("GET", "/version"): _Handler._version,  # noqa: SLF001
    ("POST", "/predict"): _Handler._predict,  # noqa: SLF001
}
