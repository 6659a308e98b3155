-- What people find wrong with items and comments, and what the words of them gave away.
create table reports (
  id uuid primary key,
  item_id uuid not null references items (id) on delete cascade,
  comment_id uuid,
  -- Null: nobody reported it, the worker found words of its list.
  reporter_id uuid,
  reason text not null check (reason in (
    'counterfeit', 'prohibited', 'misleading', 'offensive', 'spam', 'other', 'words'
  )),
  note text not null default '' check (char_length(note) <= 1000),
  state text not null default 'open' check (state in ('open', 'upheld', 'dismissed')),
  created_at timestamptz not null default clock_timestamp(),
  decided_at timestamptz,
  decided_by uuid,
  foreign key (item_id, comment_id) references comments (item_id, id) on delete cascade,
  constraint report_words_have_no_reporter check ((reason = 'words') = (reporter_id is null)),
  constraint report_decision_is_whole check (
    (state = 'open') = (decided_at is null) and (decided_at is null) = (decided_by is null))
);
-- Reporting again what is still open is the same report.
create unique index reports_once on reports (item_id, comment_id, reporter_id)
  nulls not distinct where state = 'open';
create index reports_queue on reports (created_at, id) where state = 'open';
create index reports_decided on reports (state, created_at, id);
create index reports_of_reporter on reports (reporter_id, created_at);

-- Why an item was taken away, what it was before, and whether bid has confirmed that its lot takes
-- no bids any more.
create table item_removals (
  item_id uuid primary key references items (id) on delete cascade,
  reason text not null check (char_length(reason) between 1 and 1000),
  removed_by uuid not null,
  removed_at timestamptz not null default clock_timestamp(),
  status_before text not null,
  lot_state text not null check (lot_state in ('none', 'to_cancel', 'done')),
  trace jsonb not null,
  attempted_at timestamptz not null default clock_timestamp()
);
create index item_removals_to_cancel on item_removals (attempted_at) where lot_state = 'to_cancel';

-- Who did what and why. No foreign keys: it outlives what it tells of.
create table moderation_actions (
  seq bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor_id uuid not null,
  action text not null check (action in (
    'item_removed', 'item_restored', 'comment_removed', 'comment_restored', 'report_dismissed'
  )),
  item_id uuid not null,
  comment_id uuid,
  report_id uuid,
  -- Null: a moderator used the button that everybody has, which asks for none.
  reason text check (char_length(reason) between 1 and 1000)
);
create index moderation_actions_of_item on moderation_actions (item_id, seq);

create function forbid_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'the record of moderation is append-only' using errcode = 'restrict_violation';
end $$;
create trigger moderation_actions_append_only before update or delete on moderation_actions
  for each row execute function forbid_audit_change();
create trigger moderation_actions_never_emptied before truncate on moderation_actions
  for each statement execute function forbid_audit_change();

-- Texts whose words are still to be looked at. Triggers, so that no way of writing can forget it.
create table word_checks (
  item_id uuid not null references items (id) on delete cascade,
  comment_id uuid,
  seq bigint generated always as identity primary key,
  foreign key (item_id, comment_id) references comments (item_id, id) on delete cascade
);
create index word_checks_of_item on word_checks (item_id);

create function note_item_words() returns trigger language plpgsql as $$
begin
  insert into word_checks (item_id) values (new.id);
  return null;
end $$;
create function note_comment_words() returns trigger language plpgsql as $$
begin
  insert into word_checks (item_id, comment_id) values (new.item_id, new.id);
  return null;
end $$;
-- A draft is nobody's business. Bids name none of these columns, or leave them as they are.
create trigger items_words_published after update of status on items for each row
  when (old.status = 'draft' and new.status <> 'draft') execute function note_item_words();
create trigger items_words_changed after update of name, description on items for each row
  when (new.status <> 'draft'
    and (old.name, old.description) is distinct from (new.name, new.description))
  execute function note_item_words();
create trigger comments_words after insert on comments for each row
  execute function note_comment_words();
