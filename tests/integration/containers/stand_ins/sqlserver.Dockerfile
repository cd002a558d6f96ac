# Stands in for SQL Server where its image can't be pulled: sqlcmd answers after a while.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY sqlcmd /opt/mssql-tools18/bin/sqlcmd
RUN chmod 755 /opt/mssql-tools18/bin/sqlcmd
CMD ["sh", "-c", "test \"$ACCEPT_EULA\" = Y && sleep 1 && touch /tmp/answers && exec sleep 3600"]
