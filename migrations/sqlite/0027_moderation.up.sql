-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- Whose messages a person does not want to see.
create table blocks (
    user_id bigint not null references users (id) on delete cascade,
    blocked_id bigint not null references users (id) on delete cascade,
    created_at bigint not null,
    primary key (user_id, blocked_id)
);
create index blocks_by_blocked on blocks (blocked_id);

-- Reported messages, with their text at that moment. `outcome` says what was done when the report was closed.
create table reports (
    id integer primary key autoincrement not null,
    room_id bigint not null references rooms (id) on delete cascade,
    seq bigint not null,
    body text not null,
    author_id bigint not null references users (id),
    reporter_id bigint not null references users (id),
    reason text not null,
    created_at bigint not null,
    closed_at bigint,
    closed_by bigint references users (id),
    outcome text check (outcome in ('dismissed', 'deleted', 'banned'))
);
create unique index reports_by_reporter on reports (reporter_id, room_id, seq) where closed_at is null;
create index reports_by_room on reports (room_id, id);
create index reports_by_state on reports (closed_at, id);

-- How many seconds a member waits between two posts, and when they posted last in rooms where they do.
alter table rooms add column slow_mode bigint not null default 0;
create table slow_posts (
    room_id bigint not null references rooms (id) on delete cascade,
    user_id bigint not null references users (id) on delete cascade,
    posted_at bigint not null,
    primary key (room_id, user_id)
);
