-- A change of who may read a room is recorded in its log, as a message of the kind 'visibility'. Every older message satisfies the new
-- check, so they need not be read again while the table is locked.
alter table messages drop constraint messages_kind_check;
alter table messages add constraint messages_kind_check
    check (kind in ('text', 'joined', 'left', 'topic', 'renamed', 'visibility')) not valid;
