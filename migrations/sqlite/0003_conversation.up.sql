-- What the everyday conversation needs beyond the log: how people show themselves, how loud a room is to them, who is addressed, what
-- is pinned, and the earlier words of edited messages.

alter table users add column status text not null default '';
alter table users add column time_zone text;
alter table users add column theme text not null default 'auto' check (theme in ('auto', 'light', 'dark'));
alter table users add column notify text not null default 'mentions' check (notify in ('all', 'mentions', 'muted'));
alter table users add column seen_at bigint;

-- Null: as the person has it everywhere.
alter table memberships add column level text check (level in ('all', 'mentions', 'muted'));

-- Direct messages: the numbers of the room's people, ascending, joined by commas. One room for the same people.
alter table rooms add column direct_key text;
create unique index rooms_by_direct_key on rooms (direct_key) where direct_key is not null;

-- `mentions` is what the message says of itself: a JSON array of usernames, `@room` and `@here`.
alter table messages add column mentions text;
alter table messages add column pinned_at bigint;
alter table messages add column pinned_by text;
create index messages_by_pin on messages (room_id, pinned_at) where pinned_at is not null;

-- The words that an edit replaced, under the `rev` of that edit. A deletion takes them along.
create table revisions (
    room_id bigint not null,
    seq bigint not null,
    rev bigint not null,
    body text not null,
    written_at bigint not null,
    primary key (room_id, seq, rev),
    foreign key (room_id, seq) references messages (room_id, seq) on delete cascade
);

-- Whom a message addresses, one row a person.
create table mentions (
    user_id bigint not null references users (id) on delete cascade,
    message_id bigint not null references messages (id) on delete cascade,
    room_id bigint not null,
    seq bigint not null,
    primary key (user_id, message_id)
);
create index mentions_by_room on mentions (user_id, room_id, seq);
create index mentions_by_message on mentions (message_id);
