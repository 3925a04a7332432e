"""The reasons for a failed connection: what libpq and the servers say, and what a person can do about each."""

# A pattern of what libpq (fe-connect.c, fe-secure-openssl.c) or a server says; whether a later try may succeed with
# nothing done about it; and what a person is told. {0} is the pattern's first group. The first match counts.
REASONS: list[tuple[str, bool, str]] = [
    (
        r"invalid integer value|invalid port number",
        False,
        "the port, or another number, in the database URL is not a valid one: correct it (special characters in a "
        "password must be percent-encoded: / is %2F)",
    ),
    (
        r"certificate file \"(.*?)\" does not exist|could not read root certificate file \"(.*?)\"",
        False,
        "the root certificate file {0} cannot be read: correct sslrootcert in the URL (a file, or `system`)",
    ),
    (
        r"could not (?:read|load) certificate file \"(.*?)\"|could not open certificate file \"(.*?)\"",
        False,
        "the client certificate file {0} cannot be read: correct sslcert in the URL",
    ),
    (
        r"could not load private key file \"(.*?)\"|private key file \"(.*?)\"|private key file for",
        False,
        "the client's private key file {0} cannot be used (it has to be there, belong to sslcert, and be readable by "
        "you alone: chmod 600): correct sslkey in the URL",
    ),
    (
        r"server certificate for \"(.*?)\".* does not match host name \"(.*?)\"",
        False,
        "the server at {host} shows a certificate for {0}: use that name in the URL, or sslmode=verify-ca",
    ),
    (
        r"certificate verify failed",
        False,
        "the certificate of the server at {host} is not signed by the authority in sslrootcert: "
        "give the file of the one that signed it (CockroachDB: ca.crt)",
    ),
    (
        r"alert unknown ca|alert certificate|alert bad certificate|certificate authentication failed"
        r"|client certificate|valid client cert",
        False,
        "the server at {host} does not accept the client certificate: correct sslcert and sslkey in the URL",
    ),
    (
        r"invalid sslmode value|sslmode value .* invalid|weak sslmode",
        False,
        "the URL's sslmode is not one that can be used here: it is one of disable, allow, prefer, require, verify-ca, "
        "verify-full; with sslrootcert=system only verify-full",
    ),
    (
        r"server does not support SSL",
        False,
        "the server at {host} has no TLS, and the URL asks for it: use sslmode=disable if that is how it is meant",
    ),
    (
        r"secure mode|SSL connection required|no encryption|requires encryption",
        False,
        "the server at {host} wants TLS: use sslmode=require, or better verify-full with sslrootcert",
    ),
    (
        r"no password supplied",
        False,
        "the server at {host} wants a password for user {user}: give it in the URL or in PGPASSWORD",
    ),
    (
        r"authentication failed|password authentication|role \".*\" does not exist|not permitted to log in",
        False,
        "the server at {host} does not let user {user} in: check user and password in the URL (special characters in a "
        "password must be percent-encoded: @ is %40)",
    ),
    (r"pg_hba\.conf", False, "the server at {host} does not let user {user} in from here (pg_hba.conf)"),
    (
        r"database \".*\" does not exist",
        False,
        "the server at {host} has no database {database}: {create}, or correct the URL",
    ),
    (
        r"could not translate host name|could not resolve|Name or service not known|parse network address",
        True,
        "the host name {host} is not known: correct it in the URL (an @ in the password must be written %40)",
    ),
    (
        r"Connection refused|No such file or directory|No route to host|Network is unreachable",
        True,
        "no server answers at {host}: start it, or correct host and port in the URL",
    ),
    (
        r"timeout expired|timed out",
        True,
        "no answer from {host} within the connect_timeout: check the address, firewall and network",
    ),
    (
        r"too many (?:clients|connections)|remaining connection slots",
        True,
        "the server at {host} has no free connection: try again later",
    ),
    (
        r"starting up|shutting down|recovery mode|not (?:yet )?accepting",
        True,
        "the server at {host} is starting or stopping: try again in a moment",
    ),
    (
        r"unsupported frontend protocol|received invalid response|invalid response to SSL",
        False,
        "what answers at {host} is not a CockroachDB or PostgreSQL server: correct host and port",
    ),
]
