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

-- New kinds of messages. Only the check's text changes, as in 0006.
pragma writable_schema = on;
update sqlite_schema
set sql = replace(sql, '''renamed'', ''visibility'')', '''renamed'', ''visibility'', ''role'', ''archived'')')
where type = 'table' and name = 'messages';
pragma writable_schema = reset;
