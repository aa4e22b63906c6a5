-- Programs before this one would delete what is under a legal hold.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;
-- Counts the changes of `holds`. Whoever deletes reads it in the same transaction, so that a new hold waits for deletions that have begun.
insert into meta (key, value) values ('holds', '0') on conflict (key) do nothing;

-- For how many days a room's messages and files are kept; 0: for ever; null: as the server keeps them.
alter table rooms add column keep_messages bigint check (keep_messages >= 0);
alter table rooms add column keep_files bigint check (keep_files >= 0);

-- What must not be deleted: of a room, of a person, or everything where neither is named.
create table holds (
    id integer primary key autoincrement not null,
    room_id bigint references rooms (id),
    user_id bigint references users (id),
    reason text not null,
    created_by text not null,
    created_at bigint not null,
    check (room_id is null or user_id is null)
);
create index holds_by_room on holds (room_id) where room_id is not null;
create index holds_by_user on holds (user_id) where user_id is not null;

-- Texts of messages that were deleted by hand while a hold covered them, and their earlier texts. They go when no hold covers them.
create table held (
    id integer primary key autoincrement not null,
    room_id bigint not null references rooms (id) on delete cascade,
    seq bigint not null,
    rev bigint not null,
    author_id bigint not null references users (id),
    kind text not null,
    body text not null,
    attachments text,
    -- When the message was posted, when this text was written, and when it was deleted.
    created_at bigint not null,
    written_at bigint not null,
    held_at bigint not null
);
create index held_by_room on held (room_id, id);
create index held_by_author on held (author_id, id);
-- When the message of a file was deleted while a hold covered it: only administrators can read it.
alter table files add column held_at bigint;
create index files_held on files (held_at) where held_at is not null;

create index sessions_by_start on sessions (created_at);
-- Only one process serves a SQLite file, so there is nobody to notify.
