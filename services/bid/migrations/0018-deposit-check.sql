-- no transaction
alter table lots validate constraint lot_deposit_is_positive;
