alter table users drop column sidebar;
