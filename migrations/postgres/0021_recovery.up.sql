-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- The latest log-in from an unknown device, as JSON, until the person has seen it in this session.
alter table sessions add column new_log_in text;

-- Links that let somebody choose a new password, by the hash of their token. A link is deleted when it is used.
create table resets (
    token_hash text primary key not null,
    user_id bigint not null references users (id) on delete cascade,
    created_at bigint not null,
    expires_at bigint not null
);
create index resets_by_user on resets (user_id);

-- Sessions also end because somebody ended them. Programs before this one do not know that reason: they read `reason`, later ones `why`.
create or replace function parlor_session_ended() returns trigger language plpgsql as $$
declare
    said text := coalesce(current_setting('parlor.session_end', true), '');
    why text := case when split_part(said, ':', 2) = old.user_id::text then split_part(said, ':', 1) else 'logged_out' end;
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'session_ended', 'session', old.key, 'why', why,
        'reason', case why when 'ended' then 'logged_out' else why end));
    return null;
end $$;
