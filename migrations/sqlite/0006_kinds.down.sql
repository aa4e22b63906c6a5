pragma writable_schema = on;
update sqlite_schema
set sql = replace(sql, 'kind = ''text'' or kind in (''joined'',', 'kind in (''text'', ''joined'',')
where type = 'table' and name = 'messages';
pragma writable_schema = reset;
