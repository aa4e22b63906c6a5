drop trigger rooms_slowed on rooms;
drop table slow_posts;
alter table rooms drop column slow_mode;
drop table reports;
drop table blocks;
