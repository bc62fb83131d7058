"""An extension's table in SQLite, with osquery's rules for what is pushed down and how values are read."""

import json
import re

import apsw

INDEX, REQUIRED, ADDITIONAL, OPTIMIZED, HIDDEN = 1, 2, 4, 8, 16
PUSHED = INDEX | REQUIRED | ADDITIONAL
EQUALS = 2
TEXT_UNPUSHED = {4, 8, 16, 32}
FULL_SCAN_COST = 1_000_000
INTEGER = re.compile(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$")


class Column:
    def __init__(self, route: dict):
        self.name = route["name"]
        self.type = route["type"]
        self.op = int(route["op"])
        # Of an alias: the column whose value it shows. osquery pushes no constraint on it.
        self.target = None

    @staticmethod
    def all_of(routes: list) -> list:
        columns = [Column(r) for r in routes if r.get("id") == "column"]
        by_name = {c.name: c for c in columns}
        for route in routes:
            if route.get("id") != "columnAlias":
                continue
            target = by_name[route["target"]]
            alias = Column({"name": route["name"], "type": target.type, "op": HIDDEN})
            alias.target = target
            columns.append(alias)
        return columns

    @property
    def pushed(self) -> bool:
        """Not an alias. 0 is read as INDEX (--extensions_default_index); other bits alone lose push-down."""
        return self.target is None and (self.op == 0 or bool(self.op & PUSHED))

    @property
    def in_at_once(self) -> bool:
        return bool(self.op & OPTIMIZED) and bool(self.op & PUSHED)

    def read(self, text):
        """A value of a response as SQLite gets it; a missing key is None."""
        if text is None:
            return None
        if self.type in ("TEXT", "BLOB"):
            return text
        if text == "":
            return None
        if self.type == "DOUBLE":
            try:
                return float(text)
            except ValueError:
                return None
        match = INTEGER.match(text)
        if match is None:
            return None
        digits = match[2]
        octal = len(digits) > 1 and digits[1] not in "xX" and digits[0] == "0"
        value = int(digits, 8 if octal else 0) * (-1 if match[1] == "-" else 1)
        if self.type == "INTEGER":
            return (value + 2**31) % 2**32 - 2**31
        return value if -(2**63) <= value < 2**63 else None


class Table:
    """`ask(table, context_json)` gives rows, `change(table, request)` the rows that say what came of a change;
    both raise when the extension fails."""

    def __init__(self, name: str, columns: list, ask, change=None):
        self.name = name
        self.columns = columns
        self.ask = ask
        self.change = change

    def _change(self, request: dict) -> dict:
        answer = self.change(self.name, request)
        if len(answer) != 1 or "status" not in answer[0]:
            raise apsw.SQLError("invalid response")
        status = answer[0]["status"]
        if status == "readonly":
            raise apsw.ReadOnlyError(f"table {self.name} may not be modified")
        if status == "constraint":
            raise apsw.ConstraintError("constraint")
        if status != "success":
            raise apsw.SQLError(answer[0].get("message", "failure"))
        return answer[0]

    def UpdateDeleteRow(self, rowid):
        self._change({"action": "delete", "id": str(rowid)})

    def UpdateInsertRow(self, rowid, fields):
        request = {"action": "insert", "json_value_array": json.dumps(fields)}
        if rowid is None:
            return int(self._change({**request, "auto_rowid": "false"})["id"])
        self._change({**request, "auto_rowid": "true", "id": str(rowid)})
        return rowid

    def UpdateChangeRow(self, row, rowid, fields):
        request = {"action": "update", "id": str(row), "json_value_array": json.dumps(fields)}
        if rowid != row:
            request["new_id"] = str(rowid)
        self._change(request)

    def Create(self, _connection, _module, _database, _name, *_arguments):
        declared = ", ".join(
            f'"{c.name}" {c.type}{" HIDDEN" if c.op & HIDDEN else ""}' for c in self.columns
        )
        return f'CREATE TABLE "{self.name}" ({declared})', self

    Connect = Create

    def Disconnect(self):
        pass

    Destroy = Disconnect

    def Open(self):
        return Cursor(self)

    def BestIndexObject(self, info: apsw.IndexInfo) -> bool:
        plan = []
        cost = FULL_SCAN_COST
        for i in range(info.nConstraint):
            # LIMIT and OFFSET come as constraints on column 0, and are treated like any other.
            number = info.get_aConstraint_iColumn(i)
            op = info.get_aConstraint_op(i)
            if not info.get_aConstraint_usable(i) or number < 0:
                continue
            column = self.columns[number]
            if column.type == "TEXT" and op in TEXT_UNPUSHED:
                cost += 10
                continue
            if not column.pushed:
                continue
            cost = 1
            plan.append((column.name, op))
            info.set_aConstraintUsage_argvIndex(i, len(plan))
            if op == EQUALS and column.in_at_once and info.get_aConstraintUsage_in(i):
                info.set_aConstraintUsage_in(i, True)
        used = sorted(n for n in info.colUsed if n < len(self.columns))
        info.idxStr = json.dumps({"plan": plan, "used": used})
        info.estimatedCost = cost
        return True


class Cursor:
    def __init__(self, table: Table):
        self.table = table
        self.rows = []
        self.at = 0

    def Filter(self, _number, text, arguments):
        index = json.loads(text)
        columns = self.table.columns
        lists = {c.name: [] for c in columns}
        for (name, op), argument in zip(index["plan"], arguments):
            values = sorted(argument) if isinstance(argument, (set, frozenset)) else [argument]
            for value in values:
                shown = text_of(value)
                # osquery drops an empty expression.
                if shown:
                    lists[name].append({"op": op, "expr": shown})
        context = {
            "constraints": [
                {"name": c.name, "list": lists[c.name], "affinity": c.type}
                for c in sorted(columns, key=lambda c: c.name)
            ],
            "colsUsed": [(columns[n].target or columns[n]).name for n in index["used"]],
            "colsUsedBitset": sum(1 << n for n in index["used"] if n < 64),
        }
        self.rows = self.table.ask(self.table.name, context)
        self.at = 0

    def Eof(self):
        return self.at >= len(self.rows)

    def Next(self):
        self.at += 1

    def Rowid(self):
        # SQLite unites the branches of an OR by it.
        given = self.rows[self.at].get("rowid")
        return self.at if given is None else int(given, 10)

    def Column(self, number):
        if number < 0:
            return self.at
        column = self.table.columns[number]
        return column.read(self.rows[self.at].get((column.target or column).name))

    def Close(self):
        self.rows = []


def text_of(value) -> str:
    """As sqlite3_value_text: 15 significant digits of a double."""
    if value is None:
        return ""
    if isinstance(value, float):
        text = f"{value:.15g}"
        if re.fullmatch(r"[+-]?\d+", text):
            return text + ".0"
        return re.sub(r"^([+-]?\d)e", r"\1.0e", text)
    return str(value)
