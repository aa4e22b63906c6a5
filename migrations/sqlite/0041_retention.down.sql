drop index sessions_by_start;
drop index files_held;
alter table files drop column held_at;
drop table held;
drop table holds;
alter table rooms drop column keep_files;
alter table rooms drop column keep_messages;
delete from meta where key in ('holds', 'retention');
update meta set value = '33' where key = 'oldest_schema';
