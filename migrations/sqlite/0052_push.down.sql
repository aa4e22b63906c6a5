drop trigger push_subscription_deleted;
drop table notification_settings;
drop table push_shown;
drop table push_subscriptions;
delete from outbox where kind = 'push';
delete from receivers where kind = 'push';
