drop trigger rooms_icon_changed on rooms;
drop trigger users_photo_changed on users;
