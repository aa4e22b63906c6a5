-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Browsers that are sent notifications. One ends with the session that it was added in: who logs out leaves nothing behind.
create table push_subscriptions (
    id bigint primary key generated always as identity,
    user_id bigint not null references users (id) on delete cascade,
    session_key text not null references sessions (key) on delete cascade,
    endpoint text not null unique,
    -- The browser's public key and the secret that it shares, both in base64url.
    p256dh text not null,
    auth text not null,
    user_agent text,
    created_at bigint not null
);
create index push_subscriptions_by_user on push_subscriptions (user_id);
create index push_subscriptions_by_session on push_subscriptions (session_key);

-- The latest message of each room that a browser was notified of, until it is told that it was read elsewhere.
create table push_shown (
    subscription_id bigint not null references push_subscriptions (id) on delete cascade,
    room_id bigint not null references rooms (id) on delete cascade,
    seq bigint not null,
    primary key (subscription_id, room_id)
);
create index push_shown_by_room on push_shown (room_id);

-- When and about what a person is notified where they are not looking. Who has no row has the defaults.
create table notification_settings (
    user_id bigint primary key not null references users (id) on delete cascade,
    away_only boolean not null,
    -- Minutes after midnight where the person is.
    quiet_from bigint,
    quiet_until bigint,
    silent_until bigint,
    -- JSON: words.
    keywords text not null
);

create function push_subscription_deleted() returns trigger language plpgsql as $$
begin
    delete from outbox where kind = 'push' and receiver = old.id;
    delete from receivers where kind = 'push' and id = old.id;
    return null;
end $$;
create trigger push_subscription_deleted after delete on push_subscriptions
    for each row execute function push_subscription_deleted();
