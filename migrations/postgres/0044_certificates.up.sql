-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- Certificates of an authority, so that all nodes serve the same one: one row for each set of names. Without `chain` there is none yet.
create table certificates (
    directory text not null,
    domains text not null,
    chain text,
    private_key text,
    due_at bigint not null,
    tried_at bigint not null,
    failures bigint not null,
    last_error text,
    claimed_by text,
    claimed_until bigint not null,
    primary key (directory, domains)
);

-- This server at an authority: its key there.
create table acme_accounts (
    directory text primary key not null,
    credentials text not null
);

-- What an authority asks for while it checks who this server is. It may ask any node.
create table acme_challenges (
    token text primary key not null,
    domain text not null,
    key_authorization text not null,
    expires_at bigint not null
);
create index acme_challenges_by_domain on acme_challenges (domain);
