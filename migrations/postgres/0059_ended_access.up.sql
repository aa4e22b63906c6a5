-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Sessions can end for one reason whoever has them: `parlor.session_end` is then `reason:*`.
create or replace function parlor_session_ended() returns trigger language plpgsql as $$
declare
    said text := coalesce(current_setting('parlor.session_end', true), '');
    why text := case when split_part(said, ':', 2) in (old.user_id::text, '*') then split_part(said, ':', 1) else 'logged_out' end;
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'session_ended', 'session', old.key, 'why', why,
        'reason', case when why in ('deactivated', 'deleted') then 'banned' when why in ('banned', 'password_changed') then why
            else 'logged_out' end));
    return null;
end $$;

-- With its owner's account a bot's access ends, though its tokens stay: they count again once the owner's account is open again.
create function parlor_owner_closed() returns trigger language plpgsql as $$
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'access_ended', 'user', id, 'reason', 'deactivated'))
        from users where bot_owner_id = new.id and banned_at is null;
    return null;
end $$;
create trigger users_closed after update of banned_at on users for each row
    when (new.banned_at is not null and old.banned_at is null)
    execute function parlor_owner_closed();
