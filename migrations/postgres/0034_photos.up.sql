-- Programs from 0033 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '33') on conflict (key) do update set value = excluded.value;

-- Other nodes hear of another photo as of another name, and of another icon as of a changed room. Triggers of their own, so that later
-- migrations can change the others without knowing these.
create trigger users_photo_changed after update of photo on users for each row
    when (new.photo is distinct from old.photo)
    execute function parlor_person_changed();
create trigger rooms_icon_changed after update of icon on rooms for each row
    when (new.removed_at is null and new.icon is distinct from old.icon)
    execute function parlor_room_changed();
