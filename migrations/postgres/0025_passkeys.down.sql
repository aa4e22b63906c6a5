drop table used_challenges;
drop table passkeys;
