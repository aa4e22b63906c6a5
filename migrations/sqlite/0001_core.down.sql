drop table reactions;
drop table messages;
drop table memberships;
drop table sessions;
drop table invites;
update users set last_room_id = null;
drop table rooms;
drop table users;
drop table meta;
