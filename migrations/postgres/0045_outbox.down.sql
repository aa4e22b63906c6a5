drop table outbox;
drop table receivers;
drop table webhooks;
