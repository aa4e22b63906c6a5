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
    id bigint primary key generated always as identity,
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

create or replace function parlor_access_changed() returns trigger language plpgsql as $$
begin
    perform set_config('parlor.session_end',
        case when new.banned_at is not null then coalesce(new.closed, 'banned') else 'password_changed' end || ':' || new.id, true);
    return null;
end $$;

-- Programs before 0021 read `reason` and know three of them.
create or replace function parlor_session_ended() returns trigger language plpgsql as $$
declare
    said text := coalesce(current_setting('parlor.session_end', true), '');
    why text := case when split_part(said, ':', 2) = old.user_id::text then split_part(said, ':', 1) else 'logged_out' end;
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'session_ended', 'session', old.key, 'why', why,
        'reason', case when why in ('deactivated', 'deleted') then 'banned' when why in ('banned', 'password_changed') then why
            else 'logged_out' end));
    return null;
end $$;

-- A username changes only when its account is deleted.
create function parlor_person_deleted() returns trigger language plpgsql as $$
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'person_deleted', 'user', new.id, 'username', old.username));
    return null;
end $$;
create trigger users_deleted after update of username on users for each row when (new.username <> old.username)
    execute function parlor_person_deleted();
