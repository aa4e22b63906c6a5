alter table users drop column announcement;
alter table sessions drop column confirmed_at;
drop table pending_log_ins;
drop table recovery_codes;
drop table totp;
