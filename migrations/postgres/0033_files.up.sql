-- Programs before this one would delete messages and leave their files.
insert into meta (key, value) values ('oldest_schema', '33') on conflict (key) do update set value = excluded.value;

-- What is in the storage, by its content.
create table blobs (
    -- SHA-256, in hexadecimal.
    hash text primary key not null,
    bytes bigint not null,
    -- Until then it stays, though nothing refers to it: it is being stored.
    held_until bigint not null,
    -- It is being deleted: whoever wants to store it waits.
    is_leaving boolean not null default false
);

-- Uploads, and the files that they become once a message takes them.
create table files (
    id text primary key not null,
    owner_id bigint not null references users (id),
    purpose text not null default 'attachment' check (purpose in ('attachment', 'photo', 'icon', 'link')),
    name text not null,
    -- What the sender said; once it is stored, what it is.
    type text not null,
    -- What the sender said; once it is stored, its size there.
    bytes bigint not null,
    -- How many bytes have come.
    received bigint not null default 0,
    -- Once it is stored.
    hash text references blobs (hash),
    alt text not null default '',
    width bigint,
    height bigint,
    -- A tiny picture, as a data URL.
    blur text,
    -- The first lines of a text, as HTML.
    excerpt text,
    preview text not null default 'none' check (preview in ('none', 'due', 'ready')),
    created_at bigint not null,
    -- When it is deleted; null once it is taken.
    expires_at bigint,
    -- The message that took it.
    room_id bigint references rooms (id) on delete cascade,
    seq bigint,
    place bigint
);
create unique index files_by_message on files (room_id, seq, place) where room_id is not null;
create index files_by_owner on files (owner_id, bytes);
create index files_by_hash on files (hash) where hash is not null;
create index files_expiring on files (expires_at) where expires_at is not null;

-- The parts of an upload that is not complete, each an object of its own.
create table chunks (
    file_id text not null references files (id) on delete cascade,
    start bigint not null,
    bytes bigint not null,
    primary key (file_id, start)
);

create table previews (
    file_id text not null references files (id) on delete cascade,
    size text not null check (size in ('small', 'large')),
    density bigint not null check (density in (1, 2)),
    hash text not null references blobs (hash),
    type text not null,
    bytes bigint not null,
    width bigint not null,
    height bigint not null,
    primary key (file_id, size, density)
);
create index previews_by_hash on previews (hash);

-- What is to be done after a commit, whatever happens to this process.
create table jobs (
    id bigint generated always as identity primary key,
    kind text not null,
    -- JSON.
    payload text not null,
    created_at bigint not null,
    due_at bigint not null,
    attempts bigint not null default 0,
    -- Who works on it, and until when nobody else does.
    claimed_by text,
    claimed_until bigint not null default 0,
    last_error text,
    -- When it was given up.
    dead_at bigint
);
create index jobs_due on jobs (due_at, id) where dead_at is null;
create index jobs_dead on jobs (dead_at) where dead_at is not null;

-- Whatever deletes a file, its bytes go too.
create function parlor_file_deleted() returns trigger language plpgsql as $$
begin
    insert into jobs (kind, payload, created_at, due_at)
    values (case when old.hash is null then 'delete_chunks' else 'delete_blob' end,
            case when old.hash is null then json_build_object('file', old.id) else json_build_object('hash', old.hash) end::text,
            cast(extract(epoch from now()) * 1000 as bigint), 0);
    return null;
end $$;
create trigger files_deleted after delete on files for each row execute function parlor_file_deleted();
create function parlor_preview_deleted() returns trigger language plpgsql as $$
begin
    insert into jobs (kind, payload, created_at, due_at)
    values ('delete_blob', json_build_object('hash', old.hash)::text, cast(extract(epoch from now()) * 1000 as bigint), 0);
    return null;
end $$;
create trigger previews_deleted after delete on previews for each row execute function parlor_preview_deleted();

-- JSON, as messages show them.
alter table messages add column attachments text;
-- JSON; 'off' when they were turned off.
alter table messages add column links text;
alter table rooms add column link_previews boolean not null default true;

-- The files of photos and icons.
alter table users add column photo text references files (id) on delete set null;
alter table rooms add column icon text references files (id) on delete set null;
create index users_by_photo on users (photo) where photo is not null;
create index rooms_by_icon on rooms (icon) where icon is not null;
