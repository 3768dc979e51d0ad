-- Step 10: CA keys, owners and CAA domains that a user imported. docs/schema.md describes it.

SET LOCAL search_path = pinwatch, pg_temp;
