-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- Who somebody is at an OpenID provider. An account that was made by one has an empty `password_hash` until its person chooses a password.
create table identities (
    issuer text not null,
    subject text not null,
    user_id bigint not null references users (id) on delete cascade,
    created_at bigint not null,
    primary key (issuer, subject)
);
create unique index identities_by_user on identities (user_id, issuer);

-- Log-ins by a provider that came back, by the hash of their state: none comes back twice.
create table oidc_states (
    state_hash text primary key not null,
    expires_at bigint not null
);
