-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Accounts that programs write as. Nobody logs in to them; one without an owner belongs to the server, or came from an import.
alter table users add column is_bot boolean not null default false check (not is_bot or password_hash = '');
alter table users add column bot_owner_id bigint references users (id) on delete set null;
create index users_by_bot_owner on users (bot_owner_id, id) where bot_owner_id is not null;
