-- Programs of before find jobs as they did.
insert into meta (key, value) values ('oldest_schema', '33') on conflict (key) do update set value = excluded.value;

-- Each kind of job is looked for by itself, so that one that is behind does not hold up the others.
create index jobs_by_kind on jobs (kind, due_at, id) where dead_at is null;
