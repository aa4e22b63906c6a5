-- Programs before this one keep such archives like any other file, and delete them when they expire.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Archives with a person's own data are files of theirs, which expire.
pragma writable_schema = on;
update sqlite_schema
set sql = replace(sql, '''icon'', ''link'')', '''icon'', ''link'', ''export'')')
where type = 'table' and name = 'files';
pragma writable_schema = reset;
