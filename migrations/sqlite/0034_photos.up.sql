-- Only one process serves a SQLite file, so nobody is told of photos and icons.
-- Programs from 0033 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '33') on conflict (key) do update set value = excluded.value;
