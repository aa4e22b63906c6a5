drop table notification_settings;
drop table push_shown;
drop table push_subscriptions;
drop function push_subscription_deleted();
delete from outbox where kind = 'push';
delete from receivers where kind = 'push';
