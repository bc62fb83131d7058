"""Two Python clients of PostgreSQL at work: psycopg 3 (over libpq) and pg8000 (its own protocol code).

usage: postgres_clients.py psycopg|pg8000|types   with the connection in PGHOST, PGPORT, PGUSER, PGDATABASE
"""

import io
import os
import sys
import threading
import time


def fails(action):
    """What the client does fails, as it should."""
    try:
        action()
    except Exception:  # each client has its own classes
        return
    raise SystemExit("did not fail")


def with_psycopg():
    import psycopg

    with psycopg.connect(autocommit=True, application_name="psycopg test") as connection:
        cursor = connection.cursor()
        cursor.execute("select 1; select 2, 3")
        cursor.execute("create table if not exists peo(id int primary key, name text, note bytea)")
        cursor.execute("insert into peo values (%s, %s, %s)", (1, "Ünïcode ✓", b"\x00\xff"))
        cursor.execute("select * from peo where id = %s", (1,))
        cursor.execute("select %s::int8 + 1, %s::float8, %s::text", (2**40, 1.5, None), binary=True)
        for i in range(7):  # from the sixth on prepared by a name
            cursor.execute("select name from peo where id = %s and name <> ''", (i,))
        cursor.execute("select %s::date", ("2026-11-21",), prepare=True)
        cursor.executemany(
            "insert into peo values (%s, %s, null)", [(i, f"name {i}") for i in range(10, 15)]
        )
        with connection.pipeline():
            for i in range(3):
                connection.execute("update peo set name = %s where id = %s", (f"p{i}", 10 + i))
        with connection.transaction():
            connection.execute("delete from peo where id = %s", (14,))
            with connection.transaction():
                connection.execute("select count(*) from peo")
        with cursor.copy("copy peo (id, name) from stdin") as copy:
            for i in range(20, 30):
                copy.write_row((i, "copied"))
        with cursor.copy("copy peo to stdout") as copy:
            while copy.read():
                pass
        for _ in cursor.stream("select generate_series(1, %s)", (5,)):
            pass
        fails(lambda: cursor.execute("select 1 / %s", (0,)))
        fails(lambda: cursor.execute("selec %s", (1,)))
        fails(lambda: cursor.execute("selec 2"))
        fails(lambda: cursor.execute("select %s::int", ("x",)))
        fails(lambda: cursor.execute("insert into peo values (1, 'twice')"))
        cursor.execute("set statement_timeout = 100")
        fails(lambda: cursor.execute("select pg_sleep(10)"))
        cursor.execute("reset statement_timeout")
        threading.Timer(0.3, connection.cancel).start()
        fails(lambda: cursor.execute("select pg_sleep(20)"))
        with connection.transaction():
            with connection.cursor(name="server side") as server_side:
                server_side.itersize = 3
                server_side.execute("select * from generate_series(1, %s)", (8,))
                server_side.fetchall()
        with psycopg.connect(application_name="victim") as victim:
            pid = victim.info.backend_pid
            waiting = threading.Thread(
                target=lambda: fails(lambda: victim.execute("select pg_sleep(30)"))
            )
            waiting.start()
            time.sleep(0.3)
            cursor.execute("select pg_terminate_backend(%s)", (pid,))
            waiting.join()
            victim.close()


def with_pg8000():
    import pg8000.native

    connection = pg8000.native.Connection(
        os.environ["PGUSER"],
        unix_sock=f"{os.environ['PGHOST']}/.s.PGSQL.{os.environ['PGPORT']}",
        database=os.environ["PGDATABASE"],
        application_name="pg8000 test",
    )
    connection.run("create temp table t8 (id int, v text)")
    for i in range(3):
        connection.run("insert into t8 values (:id, :v)", id=i, v=f"v{i}")
    prepared = connection.prepare("select v from t8 where id > :least")
    for least in range(3):
        prepared.run(least=least)
    prepared.close()
    connection.run("start transaction")
    connection.run("select count(*) from t8")
    fails(lambda: connection.run("select nothing from nowhere"))
    fails(lambda: connection.run("select 1"))  # the transaction is aborted
    connection.run("rollback")
    connection.run("copy t8 from stdin", stream=io.BytesIO(b"7\tseven\n8\teight\n"))
    connection.run("copy t8 to stdout", stream=io.BytesIO())
    connection.run("select :a || 'x'", a="long " * 3000)
    connection.close()


def with_types():
    """One value of each common type, in binary format: as text it is shown as it was sent."""
    import datetime
    import decimal
    import ipaddress
    import uuid

    import psycopg
    from psycopg.types.json import Json, Jsonb

    utc = datetime.timezone.utc
    values = [
        ("bool", True),
        ("bool", False),
        ("int2", -32768),
        ("int4", 2**31 - 1),
        ("int8", -(2**63)),
        ("oid", 4294967295),
        ("float8", 0.1),
        ("float8", -1e300),
        ("float8", 1e-7),
        ("float8", 1.25e17),
        ("float8", float("nan")),
        ("float8", float("-inf")),
        ("float4", 1.5),
        ("numeric", decimal.Decimal("0")),
        ("numeric", decimal.Decimal("-12345.678900")),
        ("numeric", decimal.Decimal("1e-20")),
        ("numeric", decimal.Decimal("99999999999999999999999999.0001")),
        ("numeric", decimal.Decimal("NaN")),
        ("text", "it's \"quoted\" \\ ✓\n"),
        ("text", ""),
        ("text", None),
        ("bytea", b"\x00\xff'"),
        ("uuid", uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")),
        ("date", datetime.date(2026, 11, 21)),
        ("date", datetime.date(1, 1, 1)),
        ("time", datetime.time(23, 59, 59, 123000)),
        ("timestamp", datetime.datetime(2026, 11, 21, 12, 34, 56, 789012)),
        ("timestamp", datetime.datetime(1969, 12, 31, 23, 59, 59)),
        ("timestamptz", datetime.datetime(2026, 11, 21, 12, 34, 56, tzinfo=utc)),
        ("interval", datetime.timedelta(days=-3, seconds=7, microseconds=5)),
        ("interval", datetime.timedelta(0)),
        ("inet", ipaddress.ip_address("192.0.2.7")),
        ("inet", ipaddress.ip_interface("2001:db8::1/64")),
        ("cidr", ipaddress.ip_network("10.0.0.0/8")),
        ("json", Json({"a": [1, None]})),
        ("jsonb", Jsonb({"b": "c"})),
        ("int4[]", [1, None, 3]),
        ("text[]", ["a b", 'quo"te', "", "NULL", "null", None]),
        ("int4[]", [[1, 2], [3, 4]]),
        ("int4[]", []),
    ]
    with psycopg.connect(autocommit=True) as connection:
        for name, value in values:
            connection.execute(f"select %b::{name}", (value,), prepare=False)
        connection.execute("select 1 where %t::text <> %t", ("as", "text"))


{"psycopg": with_psycopg, "pg8000": with_pg8000, "types": with_types}[sys.argv[1]]()
