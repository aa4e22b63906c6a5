-- The members of a room are read by name as well, and among them is who lost their access.
drop index users_by_name;
create index users_by_name on users (lower(name), username);
