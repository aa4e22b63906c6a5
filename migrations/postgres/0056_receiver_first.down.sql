create or replace function push_subscription_deleted() returns trigger language plpgsql as $$
begin
    delete from outbox where kind = 'push' and receiver = old.id;
    delete from receivers where kind = 'push' and id = old.id;
    return null;
end $$;
create or replace function mail_settings_deleted() returns trigger language plpgsql as $$
begin
    delete from outbox where kind = 'mail' and receiver = old.user_id;
    delete from receivers where kind = 'mail' and id = old.user_id;
    return null;
end $$;
