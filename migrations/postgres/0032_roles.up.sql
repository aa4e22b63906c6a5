-- Programs before this one do not know roles and archived rooms, and would allow what this one refuses.
insert into meta (key, value) values ('oldest_schema', '32') on conflict (key) do update set value = excluded.value;

-- Guests see only the rooms that they were added to.
alter table users add column is_guest boolean not null default false;

-- What a member may do in a room.
alter table memberships add column role text not null default 'member' check (role in ('member', 'moderator', 'owner'));
create index memberships_by_role on memberships (room_id, role) where role <> 'member';
-- Who created a room owned it until now; where they have left, the member of the longest standing does.
update memberships set role = 'owner' where (room_id, user_id) in (
    select room_id, user_id from (
        select room_id, user_id, row_number() over (partition by room_id order by user_id <> created_by, joined_at, user_id) as place
        from memberships join rooms on rooms.id = room_id join users on users.id = user_id
        where direct_key is null and created_by is not null and banned_at is null) as ranked
    where place = 1);

-- When a room became read-only; who may post in it, and mention everybody.
alter table rooms add column archived_at bigint;
alter table rooms add column posting text not null default 'member' check (posting in ('member', 'moderator'));
alter table rooms add column mass_mentions text not null default 'member' check (mass_mentions in ('member', 'moderator'));
-- When a room was deleted; its messages are deleted afterwards, in steps.
alter table rooms add column removed_at bigint;
create index rooms_deleted on rooms (id) where removed_at is not null;

-- Earlier slugs of rooms, which still lead to them.
create table room_slugs (
    slug text primary key not null,
    room_id bigint not null references rooms (id) on delete cascade,
    changed_at bigint not null
);
create index room_slugs_by_room on room_slugs (room_id);

-- People who cannot come back to a room.
create table room_bans (
    room_id bigint not null references rooms (id) on delete cascade,
    user_id bigint not null references users (id) on delete cascade,
    banned_by bigint references users (id) on delete set null,
    banned_at bigint not null,
    primary key (user_id, room_id)
);
create index room_bans_by_room on room_bans (room_id, banned_at);

-- New kinds of messages. Every older message satisfies the new check, so they need not be read again while the table is locked.
alter table messages drop constraint messages_kind_check;
alter table messages add constraint messages_kind_check
    check (kind in ('text', 'joined', 'left', 'topic', 'renamed', 'visibility', 'role', 'archived')) not valid;

-- Guests' connections hear less: other nodes have them connect again.
create function parlor_role_changed() returns trigger language plpgsql as $$
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'role_changed', 'user', new.id));
    return null;
end $$;
create trigger users_role after update of is_guest on users for each row when (new.is_guest <> old.is_guest)
    execute function parlor_role_changed();

-- A room has changed for its members in more ways; whoever knows it by its earlier slug hears that one as well.
create or replace function parlor_room_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.slug <> old.slug then
        perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'room_changed', 'room', new.id, 'was', old.slug));
    else
        perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'room_changed', 'room', new.id));
    end if;
    return null;
end $$;
drop trigger rooms_changed on rooms;
create trigger rooms_changed after update of slug, name, topic, visibility, archived_at, posting, mass_mentions on rooms for each row
    when (new.removed_at is null and (new.slug <> old.slug or new.name <> old.name or new.topic <> old.topic
        or new.visibility <> old.visibility or new.archived_at is distinct from old.archived_at or new.posting <> old.posting
        or new.mass_mentions <> old.mass_mentions))
    execute function parlor_room_changed();

create function parlor_room_deleted() returns trigger language plpgsql as $$
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'room_deleted', 'room', new.id, 'slug', old.slug));
    return null;
end $$;
create trigger rooms_deleted after update of removed_at on rooms for each row
    when (new.removed_at is not null and old.removed_at is null)
    execute function parlor_room_deleted();

-- The end of a room says it for all its members at once.
create or replace function parlor_member_changed() returns trigger language plpgsql as $$
declare
    member memberships;
begin
    if tg_op = 'INSERT' then member := new; else member := old; end if;
    perform parlor_notify(tg_table_schema, jsonb_build_object(
        'type', case tg_op when 'INSERT' then 'member_added' else 'member_removed' end,
        'user', member.user_id) || jsonb_build_object('room', id, 'slug', slug, 'rev', rev))
    from rooms where id = member.room_id and removed_at is null;
    return null;
end $$;
