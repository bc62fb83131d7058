"""Reads the whole answer of one generate call as bytes, as fast as a socket gives them.

    drain.py SOCKET BYTES   BYTES: what the rows take, so that the answer's end is known

Prints {"seconds", "bytes"}: from the request's first byte to the answer's last.
"""

import json
import socket
import struct
import sys
import time

PATH, ROW_BYTES = sys.argv[1], int(sys.argv[2])
RECEIVE = 1 << 20
STRING, MAP, CALL = 11, 13, 0x80010001


def string(text: bytes) -> bytes:
    return struct.pack(">i", len(text)) + text


def field(kind: int, number: int) -> bytes:
    return struct.pack(">bh", kind, number)


context = json.dumps({"constraints": [], "colsUsed": sys.argv[3].split(",")}).encode()
request = (
    struct.pack(">I", CALL) + string(b"call") + struct.pack(">i", 0)
    + field(STRING, 1) + string(b"table")
    + field(STRING, 2) + string(sys.argv[4].encode())
    + field(MAP, 3) + struct.pack(">bbi", STRING, STRING, 2)
    + string(b"action") + string(b"generate") + string(b"context") + string(context)
    + b"\0"
)
client = socket.socket(socket.AF_UNIX)
client.settimeout(120)
client.connect(PATH)
buffer = bytearray(RECEIVE)
size = 0
last = b""
begun = time.perf_counter()
client.sendall(request)
# Behind the rows: STOP of the response and of the result.
while size < ROW_BYTES or last != b"\0\0":
    received = client.recv_into(buffer)
    if received == 0:
        sys.exit(f"closed after {size} bytes")
    size += received
    last = bytes(buffer[max(0, received - 2) : received]) if received > 1 else last[1:] + bytes(buffer[:1])
print(json.dumps({"seconds": time.perf_counter() - begun, "bytes": size}))
