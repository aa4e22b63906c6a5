drop trigger users_closed on users;
drop function parlor_owner_closed();
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
