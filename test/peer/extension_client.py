"""Calls to a registered extension, one connection each, as the core makes them."""

import socket
import struct
import threading
import time

from osquery.extensions import Extension
from thrift.protocol import TBinaryProtocol
from thrift.transport import TSocket, TTransport

PING_SECONDS = 10
CALL_TIMEOUT_MS = 300_000
RECEIVE = 1 << 20
PING_GAP_S = 0.002


class ExtensionClient:
    def __init__(self, path: str, ping_seconds: float = PING_SECONDS):
        self.path = path
        self.ping_ms = ping_seconds * 1000

    def _open(self, timeout_ms: int):
        sock = TSocket.TSocket(unix_socket=self.path)
        sock.setTimeout(timeout_ms)
        transport = TTransport.TBufferedTransport(sock)
        transport.open()
        protocol = TBinaryProtocol.TBinaryProtocol(
            transport, string_length_limit=1 << 28, container_length_limit=1 << 28
        )
        return Extension.Client(protocol), transport

    def ping(self):
        client, transport = self._open(self.ping_ms)
        try:
            return client.ping()
        finally:
            transport.close()

    def call(self, registry: str, item: str, request: dict):
        # The core pings before each call; an extension that is too busy to answer is "not available".
        self.ping()
        client, transport = self._open(CALL_TIMEOUT_MS)
        try:
            return client.call(registry, item, request)
        finally:
            transport.close()

    def shutdown(self):
        client, transport = self._open(self.ping_ms)
        try:
            client.shutdown()
        finally:
            transport.close()

    def drain_and_ping(self, table: str) -> dict:
        """A whole generate reply read as bytes (pure Python decoding would hold the interpreter), and
        the latency of pings that go on meanwhile."""
        memory = TTransport.TMemoryBuffer()
        Extension.Client(TBinaryProtocol.TBinaryProtocol(memory)).send_call(
            "table", table, {"action": "generate"}
        )
        done = threading.Event()
        latencies = []

        def pings():
            while not done.is_set():
                begun = time.monotonic()
                self.ping()
                latencies.append(time.monotonic() - begun)
                time.sleep(PING_GAP_S)

        pinger = threading.Thread(target=pings)
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(60)
        raw.connect(self.path)
        pinger.start()
        begun = time.monotonic()
        raw.sendall(memory.getvalue())
        head = b""
        size = 0
        tail = b""
        try:
            # The reply's end: STOP of the response and of the result, after the last value.
            while not (tail.endswith(b"\0\0") and _quiet(raw)):
                received = raw.recv(RECEIVE)
                if not received:
                    raise ConnectionError("closed in the middle of a reply")
                head = (head + received)[:256] if len(head) < 256 else head
                tail = (tail + received)[-2:]
                size += len(received)
        finally:
            seconds = time.monotonic() - begun
            done.set()
            pinger.join()
            raw.close()
        # LIST field 2 of ExtensionResponse, elements MAP: its length.
        at = head.index(b"\x0f\x00\x02\x0d") + 4
        rows = struct.unpack(">i", head[at : at + 4])[0]
        return {"bytes": size, "rows": rows, "seconds": seconds, "latencies": sorted(latencies)}


def _quiet(raw) -> bool:
    raw.settimeout(0.2)
    try:
        return raw.recv(1, socket.MSG_PEEK) == b""
    except TimeoutError:
        return True
    finally:
        raw.settimeout(60)
