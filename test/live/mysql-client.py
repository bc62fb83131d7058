"""Statements by PyMySQL: socket, how many; each text is its own."""

import sys

import pymysql

socket, count = sys.argv[1], int(sys.argv[2])
connection = pymysql.connect(unix_socket=socket, user="root", autocommit=True)
with connection.cursor() as cursor:
    for n in range(count):
        cursor.execute("SELECT %s AS n, %s AS text /* pymysql */", (n, f"it's {n}"))
        assert cursor.fetchall() == ((n, f"it's {n}"),)
    cursor.executemany("DO %s + 0 /* many */", [(n,) for n in range(3)])
    try:
        cursor.execute("SELEC 1")
    except pymysql.err.ProgrammingError as error:
        assert error.args[0] == 1064
    connection.select_db("mysql")
    connection.ping()
print(connection.thread_id())
connection.close()
