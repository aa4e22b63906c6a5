-- New messages are indexed a moment after their commit, many at once: after which number they are not indexed yet. Until now each was
-- indexed with its commit.
insert into meta (key, value) select 'search_after', cast(coalesce(max(id), 0) as text) from messages;
