-- Programs before this one keep such archives like any other file, and delete them when they expire.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Archives with a person's own data are files of theirs, which expire. Every older file satisfies the new check.
alter table files drop constraint files_purpose_check;
alter table files add constraint files_purpose_check
    check (purpose in ('attachment', 'photo', 'icon', 'link', 'export')) not valid;
