-- Nothing: only SQLite's index is written after the messages. This keeps the numbers of both folders the same.
select 1;
