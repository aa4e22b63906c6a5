-- Programs from 0033 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '33') on conflict (key) do update set value = excluded.value;

-- Only one process serves a SQLite file, so there is nobody to notify.
