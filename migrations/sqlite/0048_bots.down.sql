drop index users_by_bot_owner;
alter table users drop column bot_owner_id;
alter table users drop column is_bot;
