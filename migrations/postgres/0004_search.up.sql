-- The index of search: for each message of somebody's own words, its words as Parlor takes them apart, and marks of what it is.
create table words (
    message_id bigint primary key not null references messages (id) on delete cascade,
    words tsvector not null
);
-- The pending list is read by every search: a short one is merged more often, and never slows one down.
create index words_by_word on words using gin (words) with (fastupdate = on, gin_pending_list_limit = 512);
