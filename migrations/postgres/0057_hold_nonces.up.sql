-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- What whoever made a hold chose for it, as a digest: asking again makes it once.
alter table holds add column nonce text;
create unique index holds_by_nonce on holds (nonce);
