-- Merging the index's parts is asked for by whoever writes, a little with each commit. By itself FTS5 would merge 64 pages of every
-- level in whichever commit fills the 64th, and that post would wait for all of it.
insert into words (words, rank) values ('automerge', 0);
insert into words (words, rank) values ('usermerge', 8);
