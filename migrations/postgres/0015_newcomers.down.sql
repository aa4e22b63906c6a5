alter table users drop column is_new;
