#!/bin/bash
# Start MariaDB as MySQL's image starts MySQL: make the database and root's password in an empty data directory.
set -eu
options=("$@" --user="$(id -u)" --socket=/run/mysqld/mysqld.sock --skip-name-resolve --bind-address=0.0.0.0)
if [ ! -d "$2/mysql" ]; then
  mkdir -p "$2"
  mariadb-install-db --no-defaults --datadir="$2" --auth-root-authentication-method=normal --skip-test-db >/dev/null
  cat >/tmp/first.sql <<END
CREATE DATABASE $MYSQL_DATABASE;
ALTER USER root@localhost IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
CREATE USER root@'%' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
GRANT ALL ON *.* TO root@'%';
END
  options+=(--init-file=/tmp/first.sql)
fi
exec mariadbd --no-defaults "${options[@]}"
