-- The same for the other texts that people write (0024-item-texts.sql).
alter table comments
  drop constraint comments_content_check,
  add constraint comments_content_check check (octet_length(content) between 1 and 16000) not valid;
alter table categories
  drop constraint categories_name_check,
  drop constraint categories_description_check,
  add constraint categories_name_check check (octet_length(name) between 1 and 1700) not valid,
  add constraint categories_description_check check (octet_length(description) <= 8000) not valid;
alter table category_attributes
  drop constraint category_attributes_label_check,
  drop constraint category_attributes_unit_check,
  add constraint category_attributes_label_check
    check (octet_length(label) between 1 and 2000) not valid,
  add constraint category_attributes_unit_check
    check (octet_length(unit) between 1 and 500) not valid;
alter table item_attributes
  drop constraint item_attributes_value_check,
  add constraint item_attributes_value_check
    check (octet_length(value) between 1 and 2000) not valid;
alter table item_images
  drop constraint item_images_alt_text_check,
  add constraint item_images_alt_text_check check (octet_length(alt_text) <= 2400) not valid;
alter table reports
  drop constraint reports_note_check,
  add constraint reports_note_check check (octet_length(note) <= 8000) not valid;
alter table item_removals
  drop constraint item_removals_reason_check,
  add constraint item_removals_reason_check
    check (octet_length(reason) between 1 and 8000) not valid;
alter table moderation_actions
  drop constraint moderation_actions_reason_check,
  add constraint moderation_actions_reason_check
    check (octet_length(reason) between 1 and 8000) not valid;
alter table saved_searches
  drop constraint saved_searches_name_check,
  add constraint saved_searches_name_check
    check (octet_length(name) between 1 and 3200) not valid;
