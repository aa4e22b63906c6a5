drop index webhooks_by_command;
alter table webhooks drop column bot_id;
alter table webhooks drop column hint;
alter table webhooks drop column command;
