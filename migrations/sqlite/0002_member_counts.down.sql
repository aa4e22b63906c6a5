drop trigger memberships_left;
drop trigger memberships_entered;
alter table rooms drop column members;
