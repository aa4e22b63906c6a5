-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- Who did what, written in the transaction that does it. It names people and rooms by text, and keeps an id without a foreign key: what
-- happened stays true when they are deleted. `detail` is a JSON object.
create table audit (
    id bigint primary key generated always as identity,
    at bigint not null,
    action text not null,
    actor_id bigint,
    actor text,
    session text,
    address text,
    target text,
    detail text not null
);
create index audit_by_time on audit (at);
create index audit_by_action on audit (action, id);
create index audit_by_actor on audit (actor, id) where actor is not null;
create index audit_by_target on audit (target, id) where target is not null;
