-- The published tables of efs-scan in DuckDB, for a destination that is a directory or was copied into one.
-- Start DuckDB in that directory:
--
--     duckdb -init /usr/share/doc/efs-scan/examples/duckdb.sql
--
-- For a bucket, load httpfs and put s3://BUCKET/PREFIX/ before the paths. deploy/docs/sql.md has queries. The saved
-- queries of Athena (deploy/terraform/queries) run here as they are.
SET TimeZone = 'UTC';

-- Athena's function of that name, which the saved queries use.
CREATE OR REPLACE MACRO date_format(time, format) AS strftime(time, format);

CREATE OR REPLACE VIEW homes AS
SELECT * REPLACE (CAST(fs AS VARCHAR) AS fs, CAST(dt AS VARCHAR) AS dt)
FROM read_parquet('homes/parquet/*/*/*.parquet', hive_partitioning = true, union_by_name = true);

CREATE OR REPLACE VIEW findings AS
SELECT * REPLACE (CAST(fs AS VARCHAR) AS fs, CAST(dt AS VARCHAR) AS dt)
FROM read_parquet('findings/parquet/*/*/*.parquet', hive_partitioning = true, union_by_name = true);

CREATE OR REPLACE VIEW dirs AS
SELECT * REPLACE (CAST(fs AS VARCHAR) AS fs, CAST(dt AS VARCHAR) AS dt), filename AS "$path"
FROM read_parquet('dirs/*/*/*.parquet', hive_partitioning = true, union_by_name = true, filename = true);
