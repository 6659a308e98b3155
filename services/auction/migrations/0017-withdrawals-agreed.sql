-- When bidding agreed to a withdrawal. Until then it is an attempt, shown nowhere: the item may still
-- sell, or be cancelled for another reason.
alter table item_withdrawals add column agreed_at timestamptz;
update item_withdrawals set agreed_at = asked_at from items
 where items.id = item_id and items.status = 'cancelled'
   and not exists (select from item_removals as removal where removal.item_id = items.id);
