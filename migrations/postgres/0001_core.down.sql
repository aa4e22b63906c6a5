drop table reactions;
drop table messages;
drop table memberships;
drop table sessions;
drop table invites;
alter table users drop column last_room_id;
drop table rooms;
drop table users;
drop table meta;
