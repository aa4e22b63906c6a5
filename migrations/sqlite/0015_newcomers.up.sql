-- Whether somebody has an account and has not been here yet: the first time they are, they become a member of the default rooms.
alter table users add column is_new boolean not null default false;
