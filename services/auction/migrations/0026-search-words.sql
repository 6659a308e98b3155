-- Words by rules of our own, the same for items, searches and saved searches (R-SEARCH-1). The parser of
-- PostgreSQL takes `silver.spoon` for a host and `24-70mm` for a number, and finds no words where people
-- write none apart. All functions count as immutable, as to_tsvector does: with a constant text they are
-- evaluated once, when a statement is planned.

-- English without stop words: "The Who" is a name.
create text search dictionary item_stem (template = snowball, language = english);

-- A text as words in small letters without accents, one blank between them. Letters that differ only in
-- how they are written are one: composed or not, wide or narrow, with vowel points or without.
create function search_text(given text) returns text language plpgsql immutable parallel safe as $$
declare
  plain text := given;
begin
  if plain ~ '[^\x01-\x7f]' then
    -- Signs stand apart; decomposed they would become letters and digits of the word beside them.
    plain := translate(plain, '®™©℠℗№×✕✖ʼʻ', '           ');
    plain := regexp_replace(plain, '([¼-¾⅐-⅞])', ' \1 ', 'g');
    plain := normalize(plain, NFKD);
    -- Accents of Latin, Greek and Cyrillic, points of Hebrew, signs of Arabic; what is not to be seen.
    plain := regexp_replace(plain, '[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]', '', 'g');
    plain := normalize(plain, NFC);
    plain := translate(lower(plain collate pg_c_utf8), 'ς', 'σ');
    plain := lower(unaccent(plain) collate pg_c_utf8);
    plain := translate(plain, '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९০১২৩৪৫৬৭৮৯๐๑๒๓๔๕๖๗๘๙',
      '01234567890123456789012345678901234567890123456789');
    -- Scripts of South-East Asia and India write parts of letters that are no letters by themselves.
    plain := regexp_replace(plain collate pg_c_utf8, '[^[:alnum:]\u0900-\u0963\u0971-\u0e3a\u0e40-\u0e4e\u0e80-\u0ecf\u0f18-\u0f39\u0f71-\u0f84\u1000-\u1049\u1050-\u109f\u1780-\u17d3\u17dd\u3005-\u3007\u3099\u309a]+', ' ', 'g');
    -- Where no blanks are written, a word begins and ends where the script changes.
    plain := regexp_replace(plain, '([\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17dd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3035\u3040-\u30ff\u3105-\u318e\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]+)', ' \1 ', 'g');
  else
    plain := regexp_replace(lower(plain collate pg_c_utf8), '[^a-z0-9]+', ' ', 'g');
  end if;
  -- 10x20 is 10×20, with blanks or without.
  plain := regexp_replace(plain, '([0-9]) ?x ?(?=[0-9])', '\1 ', 'g');
  return btrim(regexp_replace(plain, ' +', ' ', 'g'));
end $$;

-- Whether a word of search_text is of a script that writes no blanks. It is found by pairs of letters.
create function is_unspaced(word text) returns boolean language sql immutable parallel safe as $$
  select ascii(word) >= 3584 and word ~ '^[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17dd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3035\u3040-\u30ff\u3105-\u318e\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]'
$$;

-- A word without its ending, and not longer than tsvector bears.
create function search_stem(word text) returns text language sql immutable parallel safe as $$
  select coalesce((ts_lexize('item_stem', left(word, 100)))[1], left(word, 100))
$$;

-- The lexemes of a text. An unspaced word gives each pair of its letters, and its last letter.
create function search_document(given text, weight text) returns tsvector
language plpgsql immutable parallel safe as $$
declare
  plain text := search_text(given);
begin
  if plain ~ '[^\x01-\x7f]' then
    return (
      select coalesce(string_agg(lexeme || ':' || least(place, 16383) || weight, ' '), '')::tsvector
        from (
          select lexeme, row_number() over (order by word_place, letter_place) as place
            from string_to_table(plain, ' ') with ordinality as words (word, word_place),
              lateral (
                select search_stem(word) as lexeme, 1 as letter_place where not is_unspaced(word)
                union all
                select substr(word, letter, 2), letter
                  from generate_series(1, char_length(word)) as letter where is_unspaced(word)
              ) as lexemes
           where word <> ''
        ) as placed);
  end if;
  return (
    select coalesce(string_agg(coalesce((ts_lexize('item_stem', left(word, 100)))[1], left(word, 100))
        || ':' || least(place, 16383) || weight, ' '), '')::tsvector
      from string_to_table(plain, ' ') with ordinality as words (word, place) where word <> '');
end $$;

-- The words of a text one behind the other; null when it has none. An unspaced word may be the beginning
-- of a longer one only at the end of the text.
create function search_phrase(given text) returns tsquery
language plpgsql immutable parallel safe as $$
declare
  words text[] := string_to_array(nullif(search_text(given), ''), ' ');
begin
  return (
    select string_agg(lexeme, ' <-> ' order by place, letter)::tsquery
      from unnest(words) with ordinality as listed (word, place),
        lateral (
          select search_stem(word) as lexeme, 1 as letter where not is_unspaced(word)
          union all
          select substr(word, letter, 2)
              || case when char_length(word) = 1 and place = cardinality(words) then ':*' else '' end,
            letter
            from generate_series(1, char_length(word)) as letter
           where is_unspaced(word)
             and (letter < char_length(word) or letter = 1 or place < cardinality(words))
        ) as lexemes);
end $$;

-- Words that say nothing about a thing. They are looked for only where there are no others, and in phrases.
create function is_stop_word(word text) returns boolean language sql immutable parallel safe as $$
  select ts_lexize('english_stem', word) = '{}'
$$;

-- What a person typed as a query: words, "phrases", -exclusions, and `or` between two of them; null when
-- there is no word. Words written together (lamp/chair) are looked for in any order, numbers (24-70mm) in
-- theirs.
create function search_query(given text) returns tsquery
language plpgsql immutable parallel safe as $$
declare
  token text[];
  kinds text[] := '{}';
  queries tsquery[] := '{}';
  words text[];
  query tsquery;
  next_or integer;
  segment_start integer := 1;
  terms tsquery;
  stops tsquery;
  exclusions tsquery;
  segment tsquery;
  result tsquery;
begin
  -- Phones write round quotes, and marks of direction come with pasting. Both sides of a size belong together.
  for token in
    select regexp_matches(
      regexp_replace(
        translate(given, '“”„‟«»＂' || E'\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069', '"""""""'),
        '([0-9])\s*[xX×✕✖*]\s*(?=[0-9])', '\1×', 'g'),
      '(-?)"([^"]*)"|([^\s"]+)', 'g')
  loop
    if token[3] is null then
      query := search_phrase(token[2]);
      continue when query is null;
      kinds := kinds || case when token[1] = '-' then 'exclusion' else 'term' end;
    elsif token[3] like '-_%' then
      query := search_phrase(token[3]);
      continue when query is null;
      kinds := kinds || 'exclusion'::text;
    else
      words := string_to_array(nullif(search_text(token[3]), ''), ' ');
      continue when words is null;
      if (select bool_and(word ~ '[0-9]') from unnest(words) as word) then
        query := search_phrase(token[3]);
      else
        query := null;
        for here in 1 .. cardinality(words) loop
          query := coalesce(query && search_phrase(words[here]), search_phrase(words[here]));
        end loop;
      end if;
      kinds := kinds || case
        when lower(token[3]) = 'or' then 'or'
        when (select bool_and(is_stop_word(word)) from unnest(words) as word) then 'stop'
        else 'term' end;
    end if;
    queries := array_append(queries, query);
  end loop;
  for here in 1 .. cardinality(kinds) + 1 loop
    if kinds[here] = 'or' then
      next_or := coalesce(
        (select min(place) from generate_subscripts(kinds, 1) as place
          where place > here and kinds[place] = 'or'), cardinality(kinds) + 1);
      -- An operator stands between two things to look for; else it is a word like any other.
      if not ('term' = any (kinds[segment_start : here - 1])
          and 'term' = any (kinds[here + 1 : next_or - 1])) then
        kinds[here] := 'stop';
      end if;
    end if;
    if here > cardinality(kinds) or kinds[here] = 'or' then
      segment := coalesce(terms, stops);
      segment := coalesce(segment && exclusions, segment, exclusions);
      result := coalesce(result || segment, segment, result);
      segment_start := here + 1;
      terms := null;
      stops := null;
      exclusions := null;
    elsif kinds[here] = 'term' then
      terms := coalesce(terms && queries[here], queries[here]);
    elsif kinds[here] = 'stop' then
      stops := coalesce(stops && queries[here], queries[here]);
    else
      exclusions := coalesce(exclusions && (!! queries[here]), !! queries[here]);
    end if;
  end loop;
  return result;
end $$;

-- Versions before this one find the new documents too: their words have the same stems.
create or replace function index_item(item uuid) returns void language sql as $$
  insert into item_search (item_id, document, name)
  select items.id,
         search_document(items.name, 'A')
           || search_document(coalesce(attributes.words, ''), 'B')
           || search_document(left(items.description, 5000), 'C'),
         search_text(items.name)
    from items
    left join lateral (
      select string_agg(value, ' ') as words from item_attributes where item_id = items.id
    ) as attributes on true
   where items.id = item
  on conflict (item_id) do update set document = excluded.document, name = excluded.name
$$;

-- Null asks for no word. What has no word by the rules of today, but had one when it was saved, finds nothing.
create function saved_search_words(given text) returns tsquery language sql immutable parallel safe as $$
  select case when coalesce(given, '') = '' then null else coalesce(search_query(given), ''::tsquery) end
$$;

-- A trigger, so that a search that an earlier version saves finds the same items.
create function read_saved_search() returns trigger language plpgsql as $$
begin
  new.words := saved_search_words(new.filters ->> 'q');
  return new;
end $$;
create trigger saved_searches_read before insert on saved_searches for each row
  execute function read_saved_search();

-- Indexes every item and saved search again, one by one, while both are written to. An item is locked
-- first: what its seller changes meanwhile is read, and no bid on it waits longer than for one item. What
-- a crash loses is made again, so no commit waits for the disk.
create procedure reindex_search() language plpgsql as $$
declare
  last uuid := '00000000-0000-0000-0000-000000000000';
  batch uuid[];
  one uuid;
begin
  perform set_config('synchronous_commit', 'off', false);
  loop
    batch := array(select id from items where id > last order by id limit 1000);
    exit when batch = '{}';
    foreach one in array batch loop
      perform from items where id = one for share;
      perform index_item(one);
      commit;
    end loop;
    last := batch[cardinality(batch)];
  end loop;
  last := '00000000-0000-0000-0000-000000000000';
  loop
    batch := array(select id from saved_searches where id > last order by id limit 500);
    exit when batch = '{}';
    update saved_searches set words = saved_search_words(filters ->> 'q')
     where id = any (batch) and deleted_at is null
       and words is distinct from saved_search_words(filters ->> 'q');
    commit;
    last := batch[cardinality(batch)];
  end loop;
  reset synchronous_commit;
end $$;
