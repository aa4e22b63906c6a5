-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Incoming webhooks, by the hash of their token.
create table hooks (
    id text primary key not null,
    token_hash text unique not null,
    room_id bigint not null references rooms (id) on delete cascade,
    bot_id bigint not null references users (id) on delete cascade,
    created_by bigint references users (id) on delete set null,
    created_at bigint not null,
    used_at bigint
);
create index hooks_by_room on hooks (room_id, created_at);
create index hooks_by_bot on hooks (bot_id);
create index hooks_by_maker on hooks (created_by);
