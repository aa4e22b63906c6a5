drop table email_links;
drop table emails;
