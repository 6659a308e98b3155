-- Whom an item was told to matters as long as the item can come up again; the oldest are deleted.
create index saved_search_matches_by_age on saved_search_matches (matched_at);
