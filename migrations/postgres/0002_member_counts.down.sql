drop trigger memberships_left on memberships;
drop trigger memberships_entered on memberships;
drop function count_member();
alter table rooms drop column members;
