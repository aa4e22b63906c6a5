delete from sessions where key in (select session_key from tokens);
drop table tokens;
