drop trigger users_deleted on users;
drop function parlor_person_deleted();
create or replace function parlor_session_ended() returns trigger language plpgsql as $$
declare
    said text := coalesce(current_setting('parlor.session_end', true), '');
    why text := case when split_part(said, ':', 2) = old.user_id::text then split_part(said, ':', 1) else 'logged_out' end;
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'session_ended', 'session', old.key, 'why', why,
        'reason', case why when 'ended' then 'logged_out' else why end));
    return null;
end $$;
create or replace function parlor_access_changed() returns trigger language plpgsql as $$
begin
    perform set_config('parlor.session_end',
        case when new.banned_at is not null then 'banned' else 'password_changed' end || ':' || new.id, true);
    return null;
end $$;
drop table cleanups;
drop table retired_usernames;
alter table users drop column closed;
