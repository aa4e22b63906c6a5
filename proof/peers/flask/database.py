"""The database: what is stored, and the statements that the rest may use.

One connection: gevent runs everything in one thread, and no call here yields. A post is one statement of its own, which commits
it; `SYNCHRONOUS=full` (the default) has it on the disk by then. sqlite3 keeps the statements prepared.
"""

import os
import re
import secrets
import sqlite3

FILE = re.sub(r"^sqlite://|\?.*$", "", os.environ.get("DATABASE_URL", "sqlite://chat.db"))
SYNCHRONOUS = "normal" if os.environ.get("SYNCHRONOUS") == "normal" else "full"

SCHEMA = """
create table if not exists settings (name text primary key, value text not null) without rowid;
create table if not exists users (id integer primary key, username text not null unique, password text not null);
create table if not exists rooms (id integer primary key, slug text not null unique, name text not null);
create table if not exists messages (
    id integer primary key,
    room_id integer not null references rooms,
    seq integer not null,
    author_id integer not null references users,
    body text not null,
    nonce text not null,
    created_at text not null,
    unique (room_id, seq),
    unique (author_id, nonce)
);
insert into rooms (slug, name) values ('general', 'General') on conflict do nothing;
"""

COLUMNS = "m.seq, m.body, m.nonce, m.created_at, u.id as author_id, u.username"
FROM = "from messages m join users u on u.id = m.author_id"

# Autocommit: each statement is a transaction.
database = sqlite3.connect(FILE, isolation_level=None, check_same_thread=False, cached_statements=64)
database.row_factory = sqlite3.Row
for pragma in ("journal_mode = wal", f"synchronous = {SYNCHRONOUS}", "foreign_keys = on", "busy_timeout = 5000"):
    database.execute(f"pragma {pragma}")
database.executescript(SCHEMA)


def secret_key():
    """The key that signs sessions: made once, kept for ever."""
    database.execute("insert into settings values ('key', ?) on conflict do nothing", (secrets.token_hex(32),))
    return database.execute("select value from settings where name = 'key'").fetchone()["value"]


def ping():
    database.execute("select 1").fetchone()


def add_user(username, password):
    sql = "insert into users (username, password) values (?, ?) on conflict do nothing returning id"
    return first(sql, (username, password))


def find_user(username):
    return first("select id, username, password from users where username = ?", (username,))


def add_room(slug, name):
    database.execute("insert into rooms (slug, name) values (?, ?) on conflict do nothing", (slug, name))


def find_room(slug):
    return first("select id, slug, name from rooms where slug = ?", (str(slug),))


def head(room_id):
    return first("select coalesce(max(seq), 0) as seq from messages where room_id = ?", (room_id,))["seq"]


def post(room_id, author_id, body, nonce, created_at):
    """Stores and commits it; gives its place, or nothing where the nonce is known."""
    sql = """insert into messages (room_id, seq, author_id, body, nonce, created_at)
        values (?1, (select coalesce(max(seq), 0) + 1 from messages where room_id = ?1), ?2, ?3, ?4, ?5)
        on conflict (author_id, nonce) do nothing returning seq"""
    stored = database.execute(sql, (room_id, author_id, body, nonce, created_at)).fetchall()
    return stored[0]["seq"] if stored else None


def find_by_nonce(author_id, nonce):
    sql = f"select {COLUMNS}, r.slug {FROM} join rooms r on r.id = m.room_id where m.author_id = ? and m.nonce = ?"
    return first(sql, (author_id, nonce))


def latest(room_id, before, limit):
    sql = f"select {COLUMNS} {FROM} where m.room_id = ? and m.seq < ? order by m.seq desc limit ?"
    return database.execute(sql, (room_id, before, limit)).fetchall()[::-1]


def since(room_id, after):
    sql = f"select {COLUMNS} {FROM} where m.room_id = ? and m.seq > ? order by m.seq limit 500"
    return database.execute(sql, (room_id, after)).fetchall()


def first(sql, values):
    rows = database.execute(sql, values).fetchall()
    return rows[0] if rows else None
