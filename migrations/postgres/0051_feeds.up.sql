-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Secret addresses at which a person's feed reader reads a room. `token_hash` is all that is kept of an address.
create table feeds (
    token_hash text primary key not null,
    user_id bigint not null references users (id) on delete cascade,
    room_id bigint not null references rooms (id) on delete cascade,
    kind text not null check (kind in ('messages', 'pins')),
    created_at bigint not null,
    used_at bigint
);
create index feeds_by_user on feeds (user_id, created_at);
create index feeds_by_room on feeds (room_id);
