delete from jobs where kind = 'data_export';
delete from files where purpose = 'export';
alter table files drop constraint files_purpose_check;
alter table files add constraint files_purpose_check check (purpose in ('attachment', 'photo', 'icon', 'link')) not valid;
