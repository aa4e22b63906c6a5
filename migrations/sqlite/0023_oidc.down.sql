drop table oidc_states;
drop table identities;
