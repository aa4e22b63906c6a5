drop table hooks;
