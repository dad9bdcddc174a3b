"""Asks the hub: what every process does that is not the owner."""

import json
from typing import Any

import pyarrow as pa
from pyarrow import flight

from store.errors import HubUnreachableError
from store.hub_address import hub_facts
from store.layout import Home
from store.wire import HEADER, check_answer, check_table

_TIMEOUT_S = 60.0
_LONG_TIMEOUT_S = 3600.0
_LONG = frozenset({"drop", "empty_trash", "shrink", "trash"})
"""Actions that take as long as the disk does."""


class HubClient:
    """One connection to the hub, for any number of threads.

    Raises
    ------
    HubUnreachableError
        If no hub is alive.
    """

    def __init__(self, home: Home) -> None:
        facts = hub_facts(home)
        if facts is None:
            raise HubUnreachableError(f"No hub answers for the store {home.path}.")
        self._client = flight.FlightClient(f"grpc://127.0.0.1:{facts['port']}")
        headers = [(HEADER.encode(), facts["token"].encode())]
        self._options = flight.FlightCallOptions(timeout=_TIMEOUT_S, headers=headers)
        self._long = flight.FlightCallOptions(timeout=_LONG_TIMEOUT_S, headers=headers)

    def ask(self, question: str, **arguments: Any) -> pa.Table:
        """Put a question of `store.questions` to the hub.

        Raises
        ------
        HubUnreachableError
            If the hub is gone.
        StoreError
            What the question raises.
        """
        ticket = flight.Ticket(json.dumps({"ask": question, "args": arguments}).encode())
        try:
            table = self._client.do_get(ticket, self._options).read_all()
        except (flight.FlightError, pa.ArrowException, OSError) as error:
            raise HubUnreachableError(f"The hub does not answer: {error}") from error
        return check_table(table)

    def act(self, action: str, **arguments: Any) -> dict[str, Any]:
        """Have the hub do something.

        Raises
        ------
        HubUnreachableError
            If the hub is gone.
        StoreError
            What the action raises.
        """
        request = flight.Action(action, json.dumps(arguments).encode())
        try:
            options = self._long if action in _LONG else self._options
            answers = list(self._client.do_action(request, options))
        except (flight.FlightError, pa.ArrowException, OSError) as error:
            raise HubUnreachableError(f"The hub does not answer: {error}") from error
        return check_answer(answers[0].body.to_pybytes())

    def close(self) -> None:
        """Hang up."""
        self._client.close()
