-- Messages keep their places: what was recorded stays, as a kind that older versions know.
update messages set kind = 'topic', body = 'this room became ' || body where kind = 'visibility';
pragma writable_schema = on;
update sqlite_schema
set sql = replace(sql, '''topic'', ''renamed'', ''visibility'')', '''topic'', ''renamed'')')
where type = 'table' and name = 'messages';
pragma writable_schema = reset;
