drop trigger totp_removed on totp;
drop function parlor_factor_removed();
drop trigger users_promoted on users;
drop function parlor_access_reduced();
alter table users drop column announcement;
alter table sessions drop column confirmed_at;
drop table pending_log_ins;
drop table recovery_codes;
drop table totp;
