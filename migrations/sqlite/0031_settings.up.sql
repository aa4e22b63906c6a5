-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- The settings that administrators have changed while the server ran, as the environment would write them.
create table settings (
    name text primary key not null,
    value text not null,
    changed_at bigint not null
);
