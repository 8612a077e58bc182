"""Stands before every handler of a server: lets through who is trusted now, and ends the calls of who is not any more.

The handshake refuses strangers already. It cannot end what goes on, and it does not know from where a caller comes.
"""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import grpc.aio

from mltest.shared.errors import NotTrustedError
from mltest.shared.status import abort_with
from mltest.shared.trust.book import Caller

_LOG = logging.getLogger(__name__)

_CHECK_S = 0.5
"""Revoking ends streams within this and a little more."""
_LOOPBACK_PREFIXES = ("ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D")
_UNIX_PREFIX = "unix:"

_Context = grpc.aio.ServicerContext[Any, Any]

current_caller: ContextVar[Caller | None] = ContextVar("current_caller", default=None)
"""Who the running handler works for; None on a socket of this machine, and in the clear."""


class Admission(Protocol):
    """Says who a caller is."""

    def caller(self, certificate_pem: bytes, *, is_loopback: bool) -> Caller | None:
        """Return who calls; None if it is not trusted."""
        ...


@dataclass(slots=True, eq=False)
class _Call:
    task: "asyncio.Task[Any] | None"
    certificate_pem: bytes
    is_loopback: bool
    is_cut: bool = False


class TrustGuard(grpc.aio.ServerInterceptor):
    """One for a server; `watch` has to run beside it."""

    def __init__(self, admission: Admission, *, serves_clear: bool = False) -> None:
        """Make a guard.

        Args:
            admission: who is trusted.
            serves_clear: whether the server has a port without TLS, on loopback, that serves everybody.

        """
        self._admission = admission
        self._serves_clear = serves_clear
        self._calls: set[_Call] = set()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Awaitable[grpc.RpcMethodHandler[Any, Any] | None]"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """Return the handler of a call, behind this guard."""
        handler = await continuation(handler_call_details)
        return None if handler is None else self._guarded(handler)

    async def watch(self) -> None:
        """End what callers do who are not trusted any more; runs until it is cancelled."""
        while True:
            await asyncio.sleep(_CHECK_S)
            self.cut_untrusted()

    def cut_untrusted(self) -> None:
        """End every call of a caller who is not trusted now."""
        for call in tuple(self._calls):
            if self._admission.caller(call.certificate_pem, is_loopback=call.is_loopback) is None and call.task:
                call.is_cut = True
                call.task.cancel()

    def _guarded(self, handler: "grpc.RpcMethodHandler[Any, Any]") -> "grpc.RpcMethodHandler[Any, Any]":
        codecs = handler.request_deserializer, handler.response_serializer
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._answering(handler.unary_unary), *codecs)
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(self._answering(handler.stream_unary), *codecs)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._streaming(handler.unary_stream), *codecs)
        assert handler.stream_stream is not None
        return grpc.stream_stream_rpc_method_handler(self._streaming(handler.stream_stream), *codecs)

    def _answering(self, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        async def guarded(request: Any, context: _Context) -> Any:
            async with self._admitted(context):
                return await behaviour(request, context)

        return guarded

    def _streaming(self, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        if not inspect.isasyncgenfunction(behaviour):
            return self._answering(behaviour)

        async def guarded(request: Any, context: _Context) -> AsyncIterator[Any]:
            async with self._admitted(context), aclosing(behaviour(request, context)) as responses:
                async for response in responses:
                    yield response

        return guarded

    @asynccontextmanager
    async def _admitted(self, context: _Context) -> AsyncIterator[None]:
        """Run a handler for a caller who is trusted, as long as it is."""
        call = _call_of(context)
        if self._is_open(context, call):
            yield
            return
        caller = self._admission.caller(call.certificate_pem, is_loopback=call.is_loopback)
        if caller is None:
            _LOG.warning("a call from %s was refused: its key is not trusted here", context.peer())
            await abort_with(context, NotTrustedError())
        current_caller.set(caller)
        self._calls.add(call)
        try:
            yield
        except asyncio.CancelledError:
            if not call.is_cut:
                raise
            if call.task is not None:
                call.task.uncancel()
            await abort_with(context, NotTrustedError())
        finally:
            self._calls.discard(call)

    def _is_open(self, context: _Context, call: _Call) -> bool:
        """Return whether nobody has to be known here: on the owner's socket, or on a port in the clear."""
        is_on_socket = context.peer().startswith(_UNIX_PREFIX)
        return is_on_socket or (self._serves_clear and call.is_loopback and not call.certificate_pem)


def _call_of(context: _Context) -> _Call:
    certificates = context.auth_context().get("x509_pem_cert", ())
    return _Call(
        task=asyncio.current_task(),
        certificate_pem=bytes(next(iter(certificates), b"")),
        is_loopback=context.peer().startswith(_LOOPBACK_PREFIXES),
    )
