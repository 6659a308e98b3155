alter table review_flags drop constraint review_flags_kind_check;
alter table review_flags add constraint review_flags_kind_check
  check (kind in ('only_one_seller', 'never_wins', 'new_account_last_seconds', 'same_address'));
