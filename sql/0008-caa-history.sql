-- Step 8: CAA answers over time, and who polls them. docs/schema.md describes it.

SET LOCAL search_path = pinwatch, pg_temp;
