-- How names look, so that two people who look the same are told apart: what a name has in common with those that look like it, the same
-- for the username, and whether somebody else's name looks like this one. Filled by the program.
alter table users add column look text;
alter table users add column fold text;
alter table users add column alike boolean not null default false;
create index users_by_look on users (look);
create index users_by_fold on users (fold);
