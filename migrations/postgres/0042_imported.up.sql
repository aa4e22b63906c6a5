-- Programs from 0041 on run beside this one, but no import.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- What became of people, rooms and messages that were imported, so that a repeated import knows them. `local` is the id of the person or
-- room here, without a foreign key: what was deleted here is not imported again. `room` is the key of a message's room, else empty.
create table imported (
    source text not null,
    kind text not null check (kind in ('person', 'room', 'message')),
    room text not null,
    key text not null,
    local bigint not null,
    seq bigint,
    primary key (source, kind, room, key)
);
