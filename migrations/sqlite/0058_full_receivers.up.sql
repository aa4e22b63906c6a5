-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Since when so much waits for a receiver that nothing more is added, and the last row that does not count for that: the newest one when
-- somebody turned the receiver on again.
alter table receivers add column full_at bigint;
alter table receivers add column counted_after bigint not null default 0;
