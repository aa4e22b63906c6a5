drop table imported;
delete from meta where key = 'unordered_until';
