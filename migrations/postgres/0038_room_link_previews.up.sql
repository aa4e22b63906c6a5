-- Programs from 0033 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '33') on conflict (key) do update set value = excluded.value;

-- A change of a room’s link previews is told to the other nodes, as other settings are.
create trigger rooms_link_previews after update of link_previews on rooms for each row when (new.link_previews <> old.link_previews)
    execute function parlor_room_changed();
