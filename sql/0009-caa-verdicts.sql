-- Step 9: what the recorded CAA history says about each certificate. docs/schema.md describes it.

SET LOCAL search_path = pinwatch, pg_temp;
