"""What runs SQL in the peer: a SQLite per statement, with the extensions' tables and a few of the core's."""

import pwd
import threading
import time

import apsw
import core_processes
from virtual_table import Column, Table

CORE_TABLES = {"users", "processes", "time", "osquery_info", "osquery_extensions", "osquery_registry",
               "process_open_sockets", "shell_history"}


class QueryFailed(Exception):
    pass


class Database:
    def __init__(self):
        self._lock = threading.Lock()
        # table name -> (client, [Column], [alias])
        self.tables = {}
        self._running = 0

    def attach(self, name: str, client, routes: list):
        """Raises apsw.Error for what SQLite does not take, as in osquery's registration."""
        columns = Column.all_of(routes)
        aliases = [route["alias"] for route in routes if route.get("id") == "alias"]
        connection = apsw.Connection(":memory:")
        declared = ", ".join(f"{c.name} {c.type}" for c in columns)
        connection.execute(f"CREATE TABLE {name} ({declared})")
        with self._lock:
            self.tables[name] = (client, columns, aliases)

    def detach(self, client):
        with self._lock:
            self.tables = {n: t for n, t in self.tables.items() if t[0] is not client}

    def run(self, sql: str):
        """(rows as text, generate requests in order)"""
        with self._lock:
            tables = dict(self.tables)
            self._running += 1
            alone = self._running == 1
        try:
            return self._run(sql, tables, alone)
        except apsw.Error as error:
            raise QueryFailed(str(error)) from error
        finally:
            with self._lock:
                self._running -= 1

    def _run(self, sql: str, tables: dict, alone: bool):
        connection = apsw.Connection(":memory:")
        _core_tables(connection, tables, sql)
        requests = []
        for name, (client, columns, aliases) in tables.items():
            if not alone:
                # A second query at once works on a fresh database, for which osquery asks again.
                answer = client.call("table", name, {"action": "columns"})
                columns = Column.all_of(answer.response)
            table = Table(name, columns, _asker(client, requests), _changer(client))
            connection.create_module("m_" + name, table, use_bestindex_object=True)
            connection.execute(f"CREATE VIRTUAL TABLE {name} USING m_{name}")
            for alias in aliases:
                connection.execute(f"CREATE TEMP VIEW {alias} AS SELECT * FROM {name}")
        rows = []
        cursor = connection.execute(sql)
        for values in cursor:
            names = [d[0] for d in cursor.getdescription()]
            rows.append({n: _shown(v) for n, v in zip(names, values)})
        return rows, requests

    def columns_of(self, sql: str):
        with self._lock:
            tables = dict(self.tables)
        connection = apsw.Connection(":memory:")
        _core_tables(connection, tables, sql)
        for name, (_, columns, _) in tables.items():
            connection.execute(
                f"CREATE TABLE {name} (" + ", ".join(f'"{c.name}" {c.type}' for c in columns) + ")"
            )
        found = []

        def describe(cursor, _sql, _bindings):
            found.extend({name: kind or "TEXT"} for name, kind in cursor.getdescription())
            return False

        connection.exec_trace = describe
        try:
            connection.execute(sql)
        except apsw.ExecTraceAbort:
            pass
        except apsw.Error as error:
            raise QueryFailed(str(error)) from error
        return found


def _asker(client, requests: list):
    import json

    def ask(table: str, context: dict) -> list:
        requests.append({"table": table, "context": context})
        request = {"action": "generate", "context": json.dumps(context, separators=(",", ":"))}
        answer = client.call("table", table, request)
        if answer.status.code != 0:
            raise apsw.SQLError(answer.status.message)
        return answer.response

    return ask


def _changer(client):
    def change(table: str, request: dict) -> list:
        answer = client.call("table", table, request)
        if answer.status.code != 0:
            raise apsw.SQLError(answer.status.message)
        return answer.response

    return change


def _core_tables(connection, extended, sql):
    connection.execute("CREATE TABLE osquery_registry (registry TEXT, name TEXT, active INTEGER)")
    for name in extended:
        connection.execute("INSERT INTO osquery_registry VALUES ('table', ?, 1)", (name,))
    connection.execute("CREATE TABLE time (unix_time BIGINT)")
    connection.execute("INSERT INTO time VALUES (?)", (int(time.time()),))
    connection.execute("CREATE TABLE users (uid BIGINT, username TEXT)")
    for user in pwd.getpwall():
        connection.execute("INSERT INTO users VALUES (?, ?)", (user.pw_uid, user.pw_name))
    connection.execute(f"CREATE TABLE processes ({core_processes.PROCESSES})")
    connection.executemany("INSERT INTO processes VALUES (?, ?, ?, ?, ?)", core_processes.processes())
    connection.execute(f"CREATE TABLE process_open_sockets ({core_processes.SOCKETS})")
    if "process_open_sockets" in sql:
        connection.executemany(
            "INSERT INTO process_open_sockets VALUES (?, ?, ?, ?, ?, ?, ?)", core_processes.open_sockets()
        )


def _shown(value):
    """osquery's JSON: everything is text; NULL is ''."""
    return "" if value is None else str(value)
