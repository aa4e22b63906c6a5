-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- The nodes on this database. Each writes its row every five seconds; `status` is JSON, so that versions can say more.
create table nodes (
    id text not null primary key,
    name text not null,
    version text not null,
    started_at bigint not null,
    seen_at bigint not null,
    status text not null
);

-- The static files of the last versions, so that every node can serve the files of every page.
create table asset_versions (
    version text not null primary key,
    used_at bigint not null
);
create table assets (
    name text not null,
    version text not null references asset_versions (version) on delete cascade,
    kind text not null,
    body blob not null,
    primary key (name, version)
);
create index assets_by_version on assets (version);
