-- What other nodes must hear at once is sent with `notify` in the transaction that changes it, so that it is sent exactly if that is
-- committed. Triggers, so that no statement can forget it. The channel carries the schema, because channels belong to a database.
-- `by` names the sender, which knows already.

create function parlor_notify(schema_name text, body jsonb) returns void language plpgsql as $$
begin
    perform pg_notify('parlor_' || schema_name, (body || jsonb_build_object('by', current_setting('application_name')))::text);
end $$;

-- Why sessions end that are deleted later in the same transaction.
create function parlor_access_changed() returns trigger language plpgsql as $$
begin
    perform set_config('parlor.session_end',
        case when new.banned_at is not null then 'banned' else 'password_changed' end || ':' || new.id, true);
    return null;
end $$;
create trigger users_access after update of password_hash, banned_at on users for each row
    when (new.password_hash is distinct from old.password_hash or (new.banned_at is not null and old.banned_at is null))
    execute function parlor_access_changed();

create function parlor_session_ended() returns trigger language plpgsql as $$
declare
    said text := coalesce(current_setting('parlor.session_end', true), '');
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'session_ended', 'session', old.key, 'reason',
        case when split_part(said, ':', 2) = old.user_id::text then split_part(said, ':', 1) else 'logged_out' end));
    return null;
end $$;
create trigger sessions_ended after delete on sessions for each row when (old.user_id is not null)
    execute function parlor_session_ended();

create function parlor_person_changed() returns trigger language plpgsql as $$
begin
    perform parlor_notify(tg_table_schema,
        jsonb_build_object('type', case tg_op when 'INSERT' then 'person_added' else 'person_changed' end, 'user', new.id));
    return null;
end $$;
create trigger users_added after insert on users for each row execute function parlor_person_changed();
create trigger users_changed after update of name, status, alike on users for each row
    when (new.name <> old.name or new.status is distinct from old.status or new.alike is distinct from old.alike)
    execute function parlor_person_changed();

create function parlor_room_changed() returns trigger language plpgsql as $$
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'room_changed', 'room', new.id));
    return null;
end $$;
create trigger rooms_added after insert on rooms for each row when (new.visibility = 'public')
    execute function parlor_room_changed();
create trigger rooms_changed after update of slug, name, topic, visibility on rooms for each row
    when (new.slug <> old.slug or new.name <> old.name or new.topic <> old.topic or new.visibility <> old.visibility)
    execute function parlor_room_changed();

-- Deferred to the commit: by then the room has the `rev` of the change.
create function parlor_member_changed() returns trigger language plpgsql as $$
declare
    member memberships;
begin
    if tg_op = 'INSERT' then member := new; else member := old; end if;
    perform parlor_notify(tg_table_schema, jsonb_build_object(
        'type', case tg_op when 'INSERT' then 'member_added' else 'member_removed' end,
        'user', member.user_id) || (select jsonb_build_object('room', id, 'slug', slug, 'rev', rev) from rooms where id = member.room_id));
    return null;
end $$;
create constraint trigger memberships_added after insert on memberships deferrable initially deferred for each row
    execute function parlor_member_changed();
create constraint trigger memberships_removed after delete on memberships deferrable initially deferred for each row
    execute function parlor_member_changed();
