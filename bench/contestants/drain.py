"""Reads the whole answer of one generate call as bytes, as fast as a socket gives them.

    drain.py SOCKET BYTES COLUMNS TABLE   BYTES: what the rows take, so that the answer's end is known

Prints {"seconds", "bytes"}: from the request's first byte to the answer's last.
"""

import json
import sys
import time

from wire import END, connect, generate

PATH, ROW_BYTES, COLUMNS, TABLE = sys.argv[1], int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4]
RECEIVE = 1 << 20

request = generate(TABLE, json.dumps({"constraints": [], "colsUsed": COLUMNS}).encode())
client = connect(PATH)
buffer = bytearray(RECEIVE)
size = 0
last = b""
begun = time.perf_counter()
client.sendall(request)
while size < ROW_BYTES or last != END:
    received = client.recv_into(buffer)
    if received == 0:
        sys.exit(f"closed after {size} bytes")
    size += received
    last = bytes(buffer[max(0, received - 2) : received]) if received > 1 else last[1:] + bytes(buffer[:1])
print(json.dumps({"seconds": time.perf_counter() - begun, "bytes": size}))
