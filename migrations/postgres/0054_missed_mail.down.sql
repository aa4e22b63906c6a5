drop table mail_settings;
drop function mail_settings_deleted();
delete from outbox where kind = 'mail';
delete from receivers where kind = 'mail';
