"""An osquery-python extension with one large table, for bench/sdk.ts: table.py SOCKET ROWS COLUMNS"""

import sys

import osquery

_, SOCKET, ROWS, COLUMNS = sys.argv
NAMES = [f"col{c:02}" for c in range(int(COLUMNS))]
TABLE = [
    {name: f"value {r:07}/{c:02}" for c, name in enumerate(NAMES)} for r in range(int(ROWS))
]
# osquery-python reads --socket from the command line.
sys.argv = [sys.argv[0], "--socket", SOCKET]


@osquery.register_plugin
class Contestant(osquery.TablePlugin):
    def name(self):
        return "contestant"

    def columns(self):
        return [osquery.TableColumn(name=name, type=osquery.STRING) for name in NAMES]

    def generate(self, _context):
        return TABLE


if __name__ == "__main__":
    osquery.start_extension(name="contestant", version="1.0.0")
