drop index holds_by_nonce;
alter table holds drop column nonce;
