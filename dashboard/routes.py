"""Our own routes beside Streamlit's pages: binary curves, and a sign of life."""

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import store
from dashboard import curve_data, data, tokens
from dashboard.wire import BadRequestError, CurveQuery

TOKEN_HEADER = "X-Bakeoff-Token"  # noqa: S105 - a header's name
_FRESH = {"Cache-Control": "no-store"}
_PLAIN = {**_FRESH, "Content-Encoding": "identity"}
"""Noise hardly gets smaller: packing a panel's numbers costs many times what drawing them does."""


async def curves(request: Request) -> Response:
    """Answer `GET /api/curves`: one panel's curves, or 204 when there is nothing new."""
    if not tokens.is_valid(request.headers.get(TOKEN_HEADER, "")):
        return _refusal(401, "Expected a pass minted by the page; got none that is valid. Reload.")
    try:
        query = CurveQuery.parse(request.query_params)
        body = await to_thread.run_sync(curve_data.answer, query)
    except (BadRequestError, store.FormulaError) as error:
        return _refusal(400, str(error))
    except store.RunNotFoundError as error:
        return _refusal(404, str(error))
    except store.StoreError as error:
        return _refusal(503, str(error))
    if body is None:
        return Response(status_code=204, headers=_FRESH)
    return Response(body, media_type="application/octet-stream", headers=_PLAIN)


async def healthz(_request: Request) -> Response:
    """Answer `GET /healthz`: 200 when the store answers too."""
    try:
        facts = await to_thread.run_sync(data.state)
    except (store.StoreError, OSError) as error:
        return JSONResponse({"ok": False, "error": str(error)}, 503, headers=_FRESH)
    return JSONResponse({"ok": True, "runs": facts.runs}, headers=_FRESH)


def _refusal(code: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, code, headers=_FRESH)


ROUTES = [Route("/api/curves", curves), Route("/healthz", healthz)]
