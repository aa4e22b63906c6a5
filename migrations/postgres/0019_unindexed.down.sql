drop table unindexed;
