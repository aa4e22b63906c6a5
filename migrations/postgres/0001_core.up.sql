-- The whole of Parlor's first schema. Times are milliseconds since 1970 UTC; a room's `seq` and `rev` are counted by the ledger.

create table meta (
    key text primary key not null,
    value text not null
);

create table users (
    id bigint primary key generated always as identity,
    username text not null unique,
    name text not null,
    password_hash text not null,
    is_admin boolean not null default false,
    created_at bigint not null,
    banned_at bigint,
    last_room_id bigint
);

create table invites (
    token_hash text primary key not null,
    created_by bigint references users (id) on delete set null,
    created_at bigint not null,
    expires_at bigint not null,
    used_by bigint references users (id) on delete set null,
    used_at bigint
);

-- The key is a hash of the cookie's value, so that a copy of this table lets nobody in.
create table sessions (
    key text primary key not null,
    user_id bigint references users (id) on delete cascade,
    data text not null,
    created_at bigint not null,
    last_seen_at bigint not null,
    expires_at bigint not null,
    address text,
    user_agent text
);
create index sessions_by_user on sessions (user_id);
create index sessions_by_expiry on sessions (expires_at);

create table rooms (
    id bigint primary key generated always as identity,
    slug text not null unique,
    name text not null,
    topic text not null default '',
    visibility text not null check (visibility in ('public', 'private')),
    seq bigint not null default 0,
    rev bigint not null default 0,
    talk_seq bigint not null default 0,
    created_by bigint references users (id) on delete set null,
    created_at bigint not null,
    check (seq >= 0 and rev >= seq and talk_seq <= seq)
);

alter table users add foreign key (last_room_id) references rooms (id) on delete set null;

create table memberships (
    room_id bigint not null references rooms (id) on delete cascade,
    user_id bigint not null references users (id) on delete cascade,
    joined_at bigint not null,
    read_seq bigint not null default 0 check (read_seq >= 0),
    primary key (room_id, user_id)
);
create index memberships_by_user on memberships (user_id);

create table messages (
    id bigint primary key generated always as identity,
    room_id bigint not null references rooms (id) on delete cascade,
    seq bigint not null check (seq > 0),
    rev bigint not null check (rev > 0),
    kind text not null check (kind in ('text', 'joined', 'left', 'topic', 'renamed')),
    author_id bigint not null references users (id),
    body text not null,
    html text not null,
    nonce text,
    created_at bigint not null,
    edited_at bigint,
    deleted_at bigint,
    reply_to bigint check (reply_to > 0)
);
create unique index messages_by_seq on messages (room_id, seq);
create unique index messages_by_rev on messages (room_id, rev);
create unique index messages_by_nonce on messages (author_id, nonce) where nonce is not null;
create index messages_by_time on messages (room_id, created_at, seq);

create table reactions (
    room_id bigint not null,
    seq bigint not null,
    emoji text not null,
    user_id bigint not null references users (id) on delete cascade,
    created_at bigint not null,
    primary key (room_id, seq, emoji, user_id),
    foreign key (room_id, seq) references messages (room_id, seq) on delete cascade
);
create index reactions_by_user on reactions (user_id);
