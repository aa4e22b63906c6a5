alter table receivers drop column counted_after;
alter table receivers drop column full_at;
