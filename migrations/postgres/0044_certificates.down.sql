drop table acme_challenges;
drop table acme_accounts;
drop table certificates;
