-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- Authenticator apps: the shared secret in Base32, which must be readable to check codes. It counts once `confirmed_at` is set.
-- `last_step` is the time step of the last accepted code: an earlier or equal one is never accepted again.
create table totp (
    user_id bigint primary key not null references users (id) on delete cascade,
    secret text not null,
    created_at bigint not null,
    confirmed_at bigint,
    last_step bigint not null default 0
);

-- Recovery codes by their hashes. A code is deleted when it is used.
create table recovery_codes (
    user_id bigint not null references users (id) on delete cascade,
    code_hash text not null,
    primary key (user_id, code_hash)
);

-- Log-ins whose password was right and whose second factor is due, by the hash of a token that the browser has.
-- `password_digest` is of the stored hash of that password: a new password makes the log-in void.
create table pending_log_ins (
    token_hash text primary key not null,
    user_id bigint not null references users (id) on delete cascade,
    password_digest text not null,
    next text not null,
    created_at bigint not null,
    expires_at bigint not null
);
create index pending_log_ins_by_user on pending_log_ins (user_id);

-- When the person last proved in this session who they are; null: when it began.
alter table sessions add column confirmed_at bigint;

-- What the person is told in their next session, as JSON (`sessions.new_log_in`).
alter table users add column announcement text;

-- Somebody may now lack a second factor that they must have (REQUIRE_2FA): every node checks, and ends their connections if so.
create function parlor_access_reduced() returns trigger language plpgsql as $$
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'access_reduced', 'user', new.id));
    return null;
end $$;
create trigger users_promoted after update of is_admin on users for each row when (new.is_admin and not old.is_admin)
    execute function parlor_access_reduced();

create function parlor_factor_removed() returns trigger language plpgsql as $$
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'access_reduced', 'user', old.user_id));
    return null;
end $$;
create trigger totp_removed after delete on totp for each row when (old.confirmed_at is not null)
    execute function parlor_factor_removed();
