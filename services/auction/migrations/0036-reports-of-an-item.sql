-- no transaction
-- An item that is deleted takes its reports with it: each deletion looked through the reports of all items.
drop index concurrently if exists reports_of_item;
create index concurrently reports_of_item on reports (item_id);
