-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Access tokens. Each is a session that programs use: what ends the session revokes the token. Its session counts as used until it
-- expires, also for programs before this one, so that it does not end because nobody uses it.
create table tokens (
    session_key text primary key not null references sessions (key) on delete cascade,
    name text not null,
    -- What it permits: words, separated by spaces.
    scopes text not null,
    -- The last characters of the secret, for its owner to recognize it by.
    hint text not null,
    used_at bigint
);
