drop index messages_by_thread;
alter table messages drop column thread;
