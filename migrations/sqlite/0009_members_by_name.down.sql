drop index users_by_name;
create index users_by_name on users (lower(name), username) where banned_at is null;
