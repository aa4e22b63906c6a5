create or replace function parlor_session_ended() returns trigger language plpgsql as $$
declare
    said text := coalesce(current_setting('parlor.session_end', true), '');
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'session_ended', 'session', old.key, 'reason',
        case when split_part(said, ':', 2) = old.user_id::text then split_part(said, ':', 1) else 'logged_out' end));
    return null;
end $$;
drop table resets;
alter table sessions drop column new_log_in;
