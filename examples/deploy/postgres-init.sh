#!/bin/sh
# Two databases with an owner each: Roadtest's, which holds the trials, and Prefect's, which holds what ran when.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -v roadtest="$ROADTEST_PASSWORD" -v prefect="$PREFECT_PASSWORD" <<'SQL'
CREATE ROLE roadtest LOGIN PASSWORD :'roadtest';
CREATE DATABASE roadtest OWNER roadtest;
CREATE ROLE prefect LOGIN PASSWORD :'prefect';
CREATE DATABASE prefect OWNER prefect;
\connect prefect
CREATE EXTENSION IF NOT EXISTS pg_trgm;
SQL
