delete from jobs where kind = 'data_export';
delete from files where purpose = 'export';
pragma writable_schema = on;
update sqlite_schema
set sql = replace(sql, '''icon'', ''link'', ''export'')', '''icon'', ''link'')')
where type = 'table' and name = 'files';
pragma writable_schema = reset;
