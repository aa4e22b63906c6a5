insert into words (words, rank) values ('usermerge', 4);
insert into words (words, rank) values ('automerge', 4);
