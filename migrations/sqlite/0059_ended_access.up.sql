-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Only one process serves a SQLite file, so there is nobody to notify.
