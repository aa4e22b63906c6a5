-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- The latest log-in from an unknown device, as JSON, until the person has seen it in this session.
alter table sessions add column new_log_in text;

-- Links that let somebody choose a new password, by the hash of their token. A link is deleted when it is used.
create table resets (
    token_hash text primary key not null,
    user_id bigint not null references users (id) on delete cascade,
    created_at bigint not null,
    expires_at bigint not null
);
create index resets_by_user on resets (user_id);
