-- A change of who may read a room is recorded in its log, as a message of the kind 'visibility'. Only the check's text changes, as in 0006.
pragma writable_schema = on;
update sqlite_schema
set sql = replace(sql, '''topic'', ''renamed'')', '''topic'', ''renamed'', ''visibility'')')
where type = 'table' and name = 'messages';
pragma writable_schema = reset;
