-- Each page of a room tells how many members it has, and counting 10,000 of them took ten times as long as all else. The database
-- keeps the number, so that no way in or out can forget it.
alter table rooms add column members bigint not null default 0;
update rooms set members = (select count(*) from memberships where room_id = rooms.id);

create function count_member() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        update rooms set members = members + 1 where id = new.room_id;
    else
        update rooms set members = members - 1 where id = old.room_id;
    end if;
    return null;
end
$$;
create trigger memberships_entered after insert on memberships for each row execute function count_member();
create trigger memberships_left after delete on memberships for each row execute function count_member();
