-- The list of people is read by name, a page at a time.
create index users_by_name on users (lower(name), username) where banned_at is null;
