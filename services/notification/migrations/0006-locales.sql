-- Of a mail to a reader of whom nothing else is known; null: the default.
alter table mails add column locale text check (locale in ('en', 'de', 'tr'));
