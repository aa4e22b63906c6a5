-- The thread of a reply: the place of the message that its chain of replies began with. Null: a message that replies to none.
alter table messages add column thread bigint;

-- Only to find the replies that are there already.
create index messages_by_reply on messages (room_id, reply_to) where reply_to is not null;
with recursive chains (room_id, seq, thread) as (
    select reply.room_id, reply.seq, first.seq from messages as reply
    join messages as first on first.room_id = reply.room_id and first.seq = reply.reply_to
    where reply.reply_to is not null and first.reply_to is null
    union all
    select reply.room_id, reply.seq, chains.thread from chains
    join messages as reply on reply.room_id = chains.room_id and reply.reply_to = chains.seq and reply.seq > chains.seq
)
update messages set thread = chains.thread from chains where messages.room_id = chains.room_id and messages.seq = chains.seq;
drop index messages_by_reply;

create index messages_by_thread on messages (room_id, thread, seq) where thread is not null;
