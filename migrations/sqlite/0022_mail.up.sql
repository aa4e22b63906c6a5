-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- Email addresses that were verified. `folded` is the same for all ways to write one.
create table emails (
    user_id bigint primary key not null references users (id) on delete cascade,
    address text not null,
    folded text not null unique,
    verified_at bigint not null
);

-- Links that verify an address, by the hash of their token. A link is deleted when it is used.
create table email_links (
    token_hash text primary key not null,
    user_id bigint not null references users (id) on delete cascade,
    address text not null,
    created_at bigint not null,
    expires_at bigint not null
);
create unique index email_links_by_user on email_links (user_id);
