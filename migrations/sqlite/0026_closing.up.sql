-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- Why an account is closed since `banned_at`; null: by a ban. Programs before this one treat all of them as banned.
alter table users add column closed text check (closed in ('deactivated', 'deleted'));

-- Digests of the usernames of deleted accounts, which nobody else can take.
create table retired_usernames (
    digest text primary key not null
);

-- Messages of a person that are being deleted, a step at a time: what is left to do survives a crash. `username` is the name of a deleted
-- account, which is taken out of messages and then forgotten. `next_id` is the last message that was looked at.
create table cleanups (
    id integer primary key autoincrement not null,
    user_id bigint not null references users (id),
    username text,
    requested_by text,
    requested_at bigint not null,
    deletes boolean not null,
    since bigint not null,
    next_id bigint not null default 0,
    deleted bigint not null default 0,
    claimed_until bigint not null default 0,
    finished_at bigint
);
create index cleanups_by_end on cleanups (finished_at);
