drop trigger mail_settings_deleted;
drop table mail_settings;
delete from outbox where kind = 'mail';
delete from receivers where kind = 'mail';
