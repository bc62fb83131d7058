"""An osquery core for tests, independent of ours: ExtensionManager on a unix socket.

    python manager.py SOCKET [INTERVAL_SECONDS [PING_SECONDS]]

Reads one JSON request per line and writes one JSON answer per line; `id` ties them (several run at once):
  {"id", "op": "sql", "sql"}                  -> {"rows", "requests"}
  {"id", "op": "extensions"}                  -> {"extensions": {uuid: {name, version, ...}}}
  {"id", "op": "call", "uuid", "registry", "item", "request"} -> {"code", "message", "rows"}
  {"id", "op": "shutdown", "uuid"}            -> {}     asks the extension to leave
  {"id", "op": "forget", "uuid"}              -> {}     deregisters behind its back
  {"id", "op": "drain-and-ping", "uuid", "table"} -> {"bytes", "rows", "seconds", "latencies"}
A failure is {"id", "error"}.
"""

import json
import logging
import os
import random
import re
import socket
import sys
import threading
import time

import apsw
from database import CORE_TABLES, Database, QueryFailed
from extension_client import PING_SECONDS, ExtensionClient
from osquery.extensions import ExtensionManager
from osquery.extensions.ttypes import (
    ExtensionResponse,
    ExtensionStatus,
    InternalExtensionInfo,
    InternalOptionInfo,
)
from thrift.protocol import TBinaryProtocol
from thrift.server import TServer
from thrift.transport import TSocket, TTransport

MIN_SDK = (1, 7, 7)
SUCCESS, FAILED = 0, 1


class Core:
    """The handler of the thrift service."""

    def __init__(self, path: str, ping_seconds: float):
        self.path = path
        self.ping_seconds = ping_seconds
        self.lock = threading.RLock()
        self.database = Database()
        # uuid -> (InternalExtensionInfo, ExtensionClient)
        self.registered = {}

    def ping(self):
        return ExtensionStatus(code=SUCCESS, message="OK", uuid=0)

    def call(self, registry, item, _request):
        status = ExtensionStatus(code=FAILED, message=f"no {registry} {item} in the core", uuid=0)
        return ExtensionResponse(status=status, response=[])

    def shutdown(self):
        return None

    def extensions(self):
        with self.lock:
            found = {uuid: info for uuid, (info, _) in self.registered.items()}
        found[0] = InternalExtensionInfo("core", "5.23.0", "0.0.0", "0.0.0")
        return found

    def options(self):
        return {"extensions_socket": InternalOptionInfo(self.path, "", "string")}

    def registerExtension(self, info, registry):
        with self.lock:
            refused = self._refusal(info, registry)
            if refused is None:
                uuid = random.randrange(1, 1 << 16)
                client = ExtensionClient(f"{self.path}.{uuid}", self.ping_seconds)
                refused = self._attach(client, registry.get("table", {}))
            if refused is not None:
                return ExtensionStatus(code=FAILED, message=refused, uuid=0)
            self.registered[uuid] = (info, client)
            return ExtensionStatus(code=SUCCESS, message="OK", uuid=uuid)

    def _refusal(self, info, registry):
        if any(i.name == info.name for i, _ in self.registered.values()):
            return "Duplicate extension registered"
        version = tuple(int(part) for part in re.findall(r"\d+", info.sdk_version or "")[:3])
        if version < MIN_SDK:
            return "Incompatible extension SDK version"
        for name in registry.get("table", {}):
            if name in CORE_TABLES or name in self.database.tables:
                return f"Registry item {name} conflicts with another item of the same name."
        return None

    def _attach(self, client, tables):
        for name, routes in tables.items():
            if not any(route.get("id") == "column" for route in routes):
                self.database.detach(client)
                return "Invalid route info"
            try:
                self.database.attach(name, client, routes)
            except apsw.Error:
                self.database.detach(client)
                return "SQLITE_ERROR"
        return None

    def deregisterExtension(self, uuid):
        with self.lock:
            if uuid not in self.registered:
                return ExtensionStatus(code=FAILED, message="No extension UUID registered", uuid=0)
            self.database.detach(self.registered.pop(uuid)[1])
        return ExtensionStatus(code=SUCCESS, message="OK", uuid=uuid)

    def query(self, sql):
        return self._response(lambda: self.database.run(sql)[0])

    def getQueryColumns(self, sql):
        return self._response(lambda: self.database.columns_of(sql))

    def _response(self, run):
        try:
            rows = run()
        except QueryFailed as error:
            status = ExtensionStatus(code=FAILED, message=str(error), uuid=0)
            return ExtensionResponse(status=status, response=[])
        return ExtensionResponse(
            status=ExtensionStatus(code=SUCCESS, message="OK", uuid=0), response=rows
        )

    def watch(self, interval: float):
        """One failed ping removes an extension."""
        while True:
            time.sleep(interval)
            with self.lock:
                known = list(self.registered.items())
            for uuid, (_, client) in known:
                try:
                    alive = client.ping().code == SUCCESS
                except Exception:
                    alive = False
                if not alive:
                    self.deregisterExtension(uuid)


def answer(core: Core, request: dict) -> dict:
    operation = request["op"]
    if operation == "sql":
        rows, requests = core.database.run(request["sql"])
        return {"rows": rows, "requests": requests}
    if operation == "extensions":
        found = core.extensions().items()
        return {"extensions": {str(u): {"name": i.name, "version": i.version} for u, i in found}}
    client = ExtensionClient(f"{core.path}.{request['uuid']}")
    if operation == "call":
        reply = client.call(request["registry"], request["item"], request["request"])
        return {
            "code": reply.status.code,
            "message": reply.status.message,
            "rows": reply.response,
        }
    if operation == "shutdown":
        client.shutdown()
        return {}
    if operation == "forget":
        core.deregisterExtension(request["uuid"])
        return {}
    if operation == "drain-and-ping":
        return client.drain_and_ping(request["table"])
    raise ValueError(f"unknown op {operation!r}")


def wait_for_listener(path: str):
    """A socket has its name before anybody listens on it."""
    while True:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(path) == 0:
                return
        time.sleep(0.01)


def main():
    logging.disable(logging.CRITICAL)
    path = sys.argv[1]
    interval = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
    core = Core(path, float(sys.argv[3]) if len(sys.argv) > 3 else PING_SECONDS)
    server = TServer.TThreadedServer(
        ExtensionManager.Processor(core),
        TSocket.TServerSocket(unix_socket=path),
        TTransport.TBufferedTransportFactory(),
        TBinaryProtocol.TBinaryProtocolFactory(),
        daemon=True,
    )
    threading.Thread(target=server.serve, daemon=True).start()
    threading.Thread(target=core.watch, args=(interval,), daemon=True).start()
    output = threading.Lock()

    def say(value: dict):
        with output:
            print(json.dumps(value), flush=True)

    def handle(line: str):
        request = json.loads(line)
        try:
            say({"id": request["id"], **answer(core, request)})
        except Exception as error:
            say({"id": request["id"], "error": f"{type(error).__name__}: {error}"})

    wait_for_listener(path)
    say({"ready": True})
    for line in sys.stdin:
        threading.Thread(target=handle, args=(line,), daemon=True).start()


if __name__ == "__main__":
    main()
