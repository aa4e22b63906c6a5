-- Messages keep their places: what was recorded stays, as a kind that older versions know.
update messages set kind = 'topic', body = 'this room was ' || body where kind = 'archived';
update messages set kind = 'topic', body = 'a role changed to ' || body where kind = 'role';
alter table messages drop constraint messages_kind_check;
alter table messages add constraint messages_kind_check
    check (kind in ('text', 'joined', 'left', 'topic', 'renamed', 'visibility')) not valid;
drop trigger users_role on users;
drop function parlor_role_changed();
drop trigger rooms_deleted on rooms;
drop function parlor_room_deleted();
drop trigger rooms_changed on rooms;
create trigger rooms_changed after update of slug, name, topic, visibility on rooms for each row
    when (new.slug <> old.slug or new.name <> old.name or new.topic <> old.topic or new.visibility <> old.visibility)
    execute function parlor_room_changed();
create or replace function parlor_room_changed() returns trigger language plpgsql as $$
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'room_changed', 'room', new.id));
    return null;
end $$;
create or replace function parlor_member_changed() returns trigger language plpgsql as $$
declare
    member memberships;
begin
    if tg_op = 'INSERT' then member := new; else member := old; end if;
    perform parlor_notify(tg_table_schema, jsonb_build_object(
        'type', case tg_op when 'INSERT' then 'member_added' else 'member_removed' end,
        'user', member.user_id) || (select jsonb_build_object('room', id, 'slug', slug, 'rev', rev) from rooms where id = member.room_id));
    return null;
end $$;
drop table room_bans;
drop table room_slugs;
drop index rooms_deleted;
delete from rooms where removed_at is not null;
alter table rooms drop column removed_at;
alter table rooms drop column mass_mentions;
alter table rooms drop column posting;
alter table rooms drop column archived_at;
drop index memberships_by_role;
alter table memberships drop column role;
alter table users drop column is_guest;
update meta set value = '17' where key = 'oldest_schema';
