-- How somebody has arranged their sidebar, as JSON: `accounts::sidebar` says what is in it.
alter table users add column sidebar text not null default '';
