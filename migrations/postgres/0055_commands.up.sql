-- Programs from 0041 on run beside this one.
insert into meta (key, value) values ('oldest_schema', '41') on conflict (key) do update set value = excluded.value;

-- The slash command of a webhook, what is said of it, and the bot that posts its replies.
alter table webhooks add column command text;
alter table webhooks add column hint text;
alter table webhooks add column bot_id bigint;
create unique index webhooks_by_command on webhooks (command);
