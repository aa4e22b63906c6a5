drop index users_by_fold;
drop index users_by_look;
alter table users drop column alike;
alter table users drop column fold;
alter table users drop column look;
