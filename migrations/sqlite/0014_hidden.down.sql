alter table memberships drop column hidden_seq;
