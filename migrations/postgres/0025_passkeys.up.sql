-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- Passkeys. `credential` is JSON, as webauthn-rs writes it: the public key and what is known of the authenticator. `counter` is the
-- authenticator's, 0 where it has none; it only grows.
create table passkeys (
    id text primary key not null,
    user_id bigint not null references users (id) on delete cascade,
    credential_id text not null unique,
    credential text not null,
    counter bigint not null,
    name text not null,
    created_at bigint not null,
    last_used_at bigint
);
create index passkeys_by_user on passkeys (user_id);

-- Challenges that were answered, by their hashes, until they expire: none is answered twice.
create table used_challenges (
    challenge_hash text primary key not null,
    expires_at bigint not null
);

create trigger passkeys_removed after delete on passkeys for each row execute function parlor_factor_removed();
