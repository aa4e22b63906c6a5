-- Programs from 0017 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '17') on conflict (key) do update set value = excluded.value;

-- The settings that administrators have changed while the server ran, as the environment would write them.
create table settings (
    name text primary key not null,
    value text not null,
    changed_at bigint not null
);

create function parlor_settings_changed() returns trigger language plpgsql as $$
begin
    perform parlor_notify(tg_table_schema, jsonb_build_object('type', 'settings_changed'));
    return null;
end $$;
create trigger settings_changed after insert or update or delete on settings for each statement
    execute function parlor_settings_changed();
