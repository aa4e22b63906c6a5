-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- The receiver is locked before its rows, as by its deliverer: in another order the two wait for each other.
create or replace function push_subscription_deleted() returns trigger language plpgsql as $$
begin
    delete from receivers where kind = 'push' and id = old.id;
    delete from outbox where kind = 'push' and receiver = old.id;
    return null;
end $$;
create or replace function mail_settings_deleted() returns trigger language plpgsql as $$
begin
    delete from receivers where kind = 'mail' and id = old.user_id;
    delete from outbox where kind = 'mail' and receiver = old.user_id;
    return null;
end $$;
