-- Messages keep their places: what was recorded stays, as a kind that older versions know.
update messages set kind = 'topic', body = 'this room became ' || body where kind = 'visibility';
alter table messages drop constraint messages_kind_check;
alter table messages add constraint messages_kind_check check (kind in ('text', 'joined', 'left', 'topic', 'renamed')) not valid;
