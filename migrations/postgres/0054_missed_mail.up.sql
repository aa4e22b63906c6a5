-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Who is mailed about what they missed: `off`, `soon`, `daily` or `weekly`. The token ends it without a log-in.
create table mail_settings (
    user_id bigint primary key not null references users (id) on delete cascade,
    missed text not null,
    token text not null unique,
    -- When the last such mail was sent.
    mailed_at bigint
);
create index mail_settings_on on mail_settings (user_id) where missed <> 'off';

create function mail_settings_deleted() returns trigger language plpgsql as $$
begin
    delete from outbox where kind = 'mail' and receiver = old.user_id;
    delete from receivers where kind = 'mail' and id = old.user_id;
    return null;
end $$;
create trigger mail_settings_deleted after delete on mail_settings
    for each row execute function mail_settings_deleted();
