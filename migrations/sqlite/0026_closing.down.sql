drop table cleanups;
drop table retired_usernames;
alter table users drop column closed;
