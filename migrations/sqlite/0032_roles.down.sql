-- Messages keep their places: what was recorded stays, as a kind that older versions know.
update messages set kind = 'topic', body = 'this room was ' || body where kind = 'archived';
update messages set kind = 'topic', body = 'a role changed to ' || body where kind = 'role';
pragma writable_schema = on;
update sqlite_schema
set sql = replace(sql, '''visibility'', ''role'', ''archived'')', '''visibility'')')
where type = 'table' and name = 'messages';
pragma writable_schema = reset;
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
