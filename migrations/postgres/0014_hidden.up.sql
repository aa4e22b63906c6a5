-- Up to which message somebody has hidden a conversation: with the next one it comes back by itself.
alter table memberships add column hidden_seq bigint;
