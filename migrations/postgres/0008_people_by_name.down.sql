drop index users_by_name;
