drop table words;
delete from meta where key in ('search_version', 'search_before');
