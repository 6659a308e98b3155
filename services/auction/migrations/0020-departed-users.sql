-- Who left, as long as something of theirs may still be here or on its way: drafts are told of one by
-- one, and a token lives on for minutes.
create table departed_users (
  user_id uuid primary key,
  left_at timestamptz not null default clock_timestamp(),
  due_at timestamptz not null default clock_timestamp()
);
create index departed_users_due on departed_users (due_at);
create index review_flags_of_subject on review_flags (subject_id);
-- Late bids and registrations are forgotten when they can make no flag any more.
create index late_bids_by_age on late_bids (bid_at);
create index user_registrations_by_age on user_registrations (registered_at);
-- An end may become known after those who lost.
create index bidder_items_of_item on bidder_items (item_id);
