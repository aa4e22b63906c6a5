-- Nothing: only SQLite's index is told how it is merged. This keeps the numbers of both folders the same.
select 1;
