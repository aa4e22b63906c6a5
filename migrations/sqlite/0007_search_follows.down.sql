-- What is not indexed yet would never be, so the index is made anew by the program that starts next.
update meta set value = '0' where key = 'search_version';
delete from meta where key = 'search_after';
