-- The index of search: for each message of somebody's own words, its words as Parlor takes them apart, and marks of what it is.
-- It holds no copy of the text (`content=''`), and what is taken out of it is gone from the file ('secure-delete'). All text comes
-- ready made, so the tokenizer only splits at spaces: everything beyond ASCII belongs to a word.
create virtual table words using fts5(body, content='', columnsize=0, tokenize="ascii tokenchars '._-@'");
insert into words (words, rank) values ('secure-delete', 1);
