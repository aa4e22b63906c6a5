drop table assets;
drop table asset_versions;
drop table nodes;
delete from meta where key = 'oldest_schema';
