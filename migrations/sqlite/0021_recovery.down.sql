drop table resets;
alter table sessions drop column new_log_in;
