-- What people write under an item. A deleted comment keeps its row, so that replies keep their place.
create table comments (
  id uuid primary key,
  item_id uuid not null references items (id) on delete cascade,
  -- The comment this thread began with; its own id for a first one. Threads are read and paged whole.
  root_id uuid not null,
  parent_id uuid,
  author_id uuid not null,
  kind text not null check (kind in ('comment', 'question', 'answer')),
  content text not null check (char_length(content) between 1 and 2000),
  state text not null default 'visible'
    check (state in ('visible', 'deleted', 'hidden', 'removed')),
  state_changed_by uuid,
  state_changed_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (item_id, id),
  -- A parent under another item is no parent.
  foreign key (item_id, parent_id) references comments (item_id, id),
  foreign key (item_id, root_id) references comments (item_id, id),
  constraint comment_root_has_no_parent check ((parent_id is null) = (root_id = id)),
  constraint comment_answer_has_parent check (kind <> 'answer' or parent_id is not null),
  constraint comment_question_is_first check (kind <> 'question' or parent_id is null),
  constraint comment_state_is_whole
    check ((state = 'visible') = (state_changed_by is null)
      and (state_changed_by is null) = (state_changed_at is null))
);
create index comments_roots on comments (item_id, created_at desc, id desc) where parent_id is null;
create index comments_of_thread on comments (root_id, created_at, id);
create index comments_of_author on comments (author_id, created_at);
