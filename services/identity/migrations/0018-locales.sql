-- The language of a request by a person of whom nothing else is known: the mail that answers it has it.
alter table registrations add column locale text check (locale in ('en', 'de', 'tr'));
alter table email_changes add column locale text check (locale in ('en', 'de', 'tr'));
