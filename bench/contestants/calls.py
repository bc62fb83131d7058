"""Small generate calls, each over a connection of its own, as osquery makes them.

    calls.py SOCKET TABLE   stdin: a JSON context a line

Prints {"seconds", "slowest", "bytes"} of all calls: from connect to the answer's last byte. No value may end in NULs.
"""

import json
import sys
import time

from wire import END, connect, generate

PATH, TABLE = sys.argv[1], sys.argv[2]
RECEIVE = 1 << 18

requests = [generate(TABLE, line.strip().encode()) for line in sys.stdin]
times = []
size = 0
for request in requests:
    begun = time.perf_counter()
    client = connect(PATH)
    client.sendall(request)
    answer = client.recv(RECEIVE)
    while not answer.endswith(END):
        more = client.recv(RECEIVE)
        if not more:
            sys.exit(f"closed after {len(answer)} bytes")
        answer += more
    client.close()
    times.append(time.perf_counter() - begun)
    size += len(answer)
print(json.dumps({"seconds": sum(times), "slowest": max(times), "bytes": size}))
