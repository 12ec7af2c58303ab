# Runs once, in an empty data folder: one database and one role for each service, which can reach no other's.
# The extensions are made here because a service's role is no superuser.
# Passwords come from the environment through \getenv, so that they are on no command line.
# The image's entry point sources or executes this file, whichever its mode says: keep it plain sh.
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
\getenv registration REGISTRATION_DB_PASSWORD
\getenv notifications NOTIFICATIONS_DB_PASSWORD
\getenv reporting REPORTING_DB_PASSWORD
CREATE ROLE registration LOGIN PASSWORD :'registration';
CREATE ROLE notifications LOGIN PASSWORD :'notifications';
CREATE ROLE reporting LOGIN PASSWORD :'reporting';
CREATE DATABASE registration OWNER registration;
CREATE DATABASE notifications OWNER notifications;
CREATE DATABASE reporting OWNER reporting;
REVOKE CONNECT ON DATABASE registration, notifications, reporting FROM PUBLIC;
\connect registration
CREATE EXTENSION btree_gist;
CREATE EXTENSION pgcrypto;
\connect notifications
CREATE EXTENSION btree_gist;
CREATE EXTENSION pgcrypto;
\connect reporting
CREATE EXTENSION btree_gist;
CREATE EXTENSION pgcrypto;
SQL
