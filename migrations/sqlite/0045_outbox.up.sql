-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Addresses elsewhere that are told what happens in rooms.
create table webhooks (
    id integer primary key autoincrement not null,
    url text not null,
    -- JSON: names of events, and ids of rooms. Empty: all events, and all public rooms.
    events text not null,
    rooms text not null,
    -- What deliveries are signed with, and what they were signed with before, until then.
    secret text not null,
    old_secret text,
    old_secret_until bigint,
    is_on boolean not null,
    created_by text not null,
    created_at bigint not null
);

-- Whoever is sent something: who delivers to them now, and when the next attempt is due.
create table receivers (
    kind text not null,
    id bigint not null,
    due_at bigint not null default 0,
    -- How many attempts have failed since the last that did not, since when, and why.
    attempts bigint not null default 0,
    failing_since bigint,
    last_error text,
    delivered_at bigint,
    -- Since when nothing is delivered until an administrator says so.
    paused_at bigint,
    claimed_by text,
    claimed_until bigint not null default 0,
    primary key (kind, id)
);

-- What is to be delivered, in this order for each receiver. A row refers to a message; what is sent is its state at that moment.
create table outbox (
    id integer primary key autoincrement not null,
    kind text not null,
    receiver bigint not null,
    event text not null,
    room_id bigint,
    seq bigint,
    rev bigint,
    -- JSON: what is not in the message.
    payload text,
    created_at bigint not null,
    due_at bigint not null,
    attempts bigint not null default 0,
    last_error text,
    -- When it was given up.
    dead_at bigint
);
create index outbox_waiting on outbox (kind, receiver, id) where dead_at is null;
create index outbox_dead on outbox (kind, receiver, id) where dead_at is not null;
