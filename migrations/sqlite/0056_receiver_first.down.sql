drop trigger push_subscription_deleted;
create trigger push_subscription_deleted after delete on push_subscriptions begin
    delete from outbox where kind = 'push' and receiver = old.id;
    delete from receivers where kind = 'push' and id = old.id;
end;
drop trigger mail_settings_deleted;
create trigger mail_settings_deleted after delete on mail_settings begin
    delete from outbox where kind = 'mail' and receiver = old.user_id;
    delete from receivers where kind = 'mail' and id = old.user_id;
end;
