"""The API server's HTTP interface, as an administrator of the cluster uses it.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from tests.support.chart import Object

ANSWERS_WITHIN: Final = 90.0
WATCHES: Final = 20
PATCH: Final = "application/merge-patch+json"


class ApiError(Exception):
    """The API server refused; says what was asked, and its answer."""


class Answer(NamedTuple):
    """An HTTP status, the object, and the server's warnings about what was sent to it."""

    status: int
    body: Any
    warnings: list[str]


class Change(NamedTuple):
    """What happened to an object (`ADDED`, `MODIFIED`, `DELETED`), and how it was then."""

    kind: str
    thing: Object


class Api:
    """One API server. Paths are those of its documentation: `/api/v1/namespaces/default/pods`."""

    def __init__(self, *, url: str, token: str, authority: Path) -> None:
        """Take where it is, a token of an administrator, and the certificate that it must show."""
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._tls = ssl.create_default_context(cafile=str(authority))

    def ask(self, method: str, path: str, body: Object | bytes | None = None, **query: str) -> Answer:
        """Send an object, or bytes of YAML, and return the answer whatever it is.

        Raises:
            OSError: nobody answers.

        """
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = PATCH if method == "PATCH" else "application/yaml" if isinstance(body, bytes) else "application/json"
        headers = {**self._headers, "Content-Type": kind}
        request = urllib.request.Request(  # noqa: S310 - the URL is the harness's own
            f"{self._url}{path}?{urlencode(query)}", data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN, context=self._tls) as answer:  # noqa: S310
                return _read(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return _read(refused)

    def do(self, method: str, path: str, body: Object | bytes | None = None, **query: str) -> Any:
        """Send something that must be accepted, and return the object in the answer.

        Raises:
            ApiError: it was not.

        """
        answer = self.ask(method, path, body, **query)
        if answer.status >= 300:
            raise ApiError(f"{method} {path}: {answer.status} {answer.body}")
        return answer.body

    def get(self, path: str, **query: str) -> Any:
        """Return an object, or a list of them; see `do`."""
        return self.do("GET", path, None, **query)

    def path_of(self, thing: Object, namespace: str) -> str:
        """Return where objects of this version and kind are created.

        Raises:
            ApiError: the server knows no such kind.

        """
        for version, resource in self._resources():
            if (version, resource["kind"]) == (thing["apiVersion"], thing["kind"]):
                return _path(version, resource, namespace)
        raise ApiError(f"the API server knows no {thing['apiVersion']} {thing['kind']}")

    def everything_in(self, namespace: str) -> set[str]:
        """Return `Kind/name` of all objects in a namespace, but for the events, which tell of the past."""
        found = set()
        for version, resource in self._resources():
            if resource["namespaced"] and "list" in resource["verbs"] and resource["kind"] != "Event":
                things = self.get(_path(version, resource, namespace))["items"]
                found |= {f"{resource['kind']}/{each['metadata']['name']}" for each in things}
        return found

    def changes(self, path: str, since: str) -> list[Change]:
        """Return all that happened to the objects in a list since a `resourceVersion`, oldest first.

        The server keeps some minutes of the past, so nobody need have been watching.

        Raises:
            ApiError: it keeps it no longer.

        """
        until = int(self.get(path)["metadata"]["resourceVersion"])
        for _ in range(WATCHES):
            told = self._watched(path, since)
            if told and int(told[-1].thing["metadata"]["resourceVersion"]) >= until:
                return [each for each in told if each.kind != "BOOKMARK"]
        raise ApiError(f"what happened to {path} since {since} was not told to its end in {WATCHES} watches")

    def _watched(self, path: str, since: str) -> list[Change]:
        """Return what one watch tells; before its end comes a `BOOKMARK`, which says how far it was told."""
        query = urlencode(
            {"watch": "true", "resourceVersion": since, "allowWatchBookmarks": "true", "timeoutSeconds": "4"}
        )
        request = urllib.request.Request(f"{self._url}{path}?{query}", headers=self._headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN, context=self._tls) as answer:  # noqa: S310
            told = [Change(each["type"], each["object"]) for each in map(json.loads, answer)]
        if any(each.kind == "ERROR" for each in told):
            raise ApiError(f"what happened to {path} since {since} is forgotten")
        return told

    def _resources(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield each version and kind that the server knows; subresources are none."""
        groups = [group["preferredVersion"]["groupVersion"] for group in self.get("/apis")["groups"]]
        for version in ("v1", *groups):
            for resource in self.get(_root(version))["resources"]:
                if "/" not in resource["name"]:
                    yield version, resource


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _path(version: str, resource: Mapping[str, Any], namespace: str) -> str:
    within = f"/namespaces/{namespace}" if resource["namespaced"] else ""
    return f"{_root(version)}{within}/{resource['name']}"


def _read(answer: Any) -> Answer:
    # 299 - "unknown field \"spec.x\""
    warnings = [each.split(" ", 2)[2].strip('"') for each in answer.headers.get_all("Warning", [])]
    text = answer.read().decode()
    return Answer(answer.status, json.loads(text) if text.startswith("{") else text, warnings)
