-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- Messages that a node wrote while the index of search had the version of another program. Nodes of that version index them.
create table unindexed (
    message_id bigint primary key not null references messages (id) on delete cascade
);
