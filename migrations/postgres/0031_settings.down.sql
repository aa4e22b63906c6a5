drop table settings;
drop function parlor_settings_changed();
