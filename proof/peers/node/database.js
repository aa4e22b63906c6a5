// The database: what is stored, and the statements that the rest may use.
//
// A post is one statement of its own, which commits it. `SYNCHRONOUS=full` (the default) has it on the disk by then.

import { DatabaseSync } from "@photostructure/sqlite";

const file = (process.env.DATABASE_URL ?? "sqlite://chat.db").replace(/^sqlite:\/\//, "").replace(/\?.*$/, "");
const synchronous = process.env.SYNCHRONOUS === "normal" ? "normal" : "full";

export const database = new DatabaseSync(file);
database.exec(`
  pragma journal_mode = wal;
  pragma synchronous = ${synchronous};
  pragma foreign_keys = on;
  pragma busy_timeout = 5000;
  create table if not exists users (id integer primary key, username text not null unique, password text not null);
  create table if not exists sessions (token text primary key, user_id integer not null references users) without rowid;
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
`);

const columns = `m.seq, m.body, m.nonce, m.created_at, u.id as author_id, u.username`;
const from = `from messages m join users u on u.id = m.author_id`;
const prepare = (sql) => database.prepare(sql);

export const statements = {
  ping: prepare("select 1"),
  addUser: prepare("insert into users (username, password) values (?, ?) on conflict do nothing returning id"),
  findUser: prepare("select id, username, password from users where username = ?"),
  addSession: prepare("insert into sessions (token, user_id) values (?, ?)"),
  findSession: prepare("select u.id, u.username from sessions s join users u on u.id = s.user_id where s.token = ?"),
  addRoom: prepare("insert into rooms (slug, name) values (?, ?) on conflict do nothing"),
  findRoom: prepare("select id, slug, name from rooms where slug = ?"),
  head: prepare("select coalesce(max(seq), 0) as seq from messages where room_id = ?"),
  post: prepare(`
    insert into messages (room_id, seq, author_id, body, nonce, created_at)
    values (?1, (select coalesce(max(seq), 0) + 1 from messages where room_id = ?1), ?2, ?3, ?4, ?5)
    on conflict (author_id, nonce) do nothing returning seq`),
  findByNonce: prepare(`select ${columns}, r.slug ${from} join rooms r on r.id = m.room_id where m.author_id = ? and m.nonce = ?`),
  latest: prepare(`select ${columns} ${from} where m.room_id = ? and m.seq < ? order by m.seq desc limit ?`),
  since: prepare(`select ${columns} ${from} where m.room_id = ? and m.seq > ? order by m.seq limit 500`),
};
