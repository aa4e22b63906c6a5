-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- An invitation lets several people in, and into rooms. `used_at` says when it was used up or revoked: programs before this one use it up
-- at once, and never after that. The id that people see is the first digits of the hash.
alter table invites add column uses bigint not null default 1;
alter table invites add column used bigint not null default 0;
alter table invites add column note text not null default '';
alter table invites add column role text not null default 'member';
alter table invites add column revoked_at bigint;
create index invites_by_id on invites (substr(token_hash, 1, 16));
create index invites_by_time on invites (created_at, token_hash);
create index invites_by_maker on invites (created_by, created_at, token_hash);

create table invite_uses (
    token_hash text not null references invites (token_hash) on delete cascade,
    user_id bigint not null references users (id) on delete cascade,
    at bigint not null,
    primary key (token_hash, user_id)
);
create index invite_uses_by_user on invite_uses (user_id);

create table invite_rooms (
    token_hash text not null references invites (token_hash) on delete cascade,
    room_id bigint not null references rooms (id) on delete cascade,
    primary key (token_hash, room_id)
);
create index invite_rooms_by_room on invite_rooms (room_id);

insert into invite_uses (token_hash, user_id, at)
    select token_hash, used_by, coalesce(used_at, created_at) from invites where used_by is not null;
update invites set used = 1 where used_at is not null;
