"""A MongoDB user for each service, which may use its own database and nothing else."""

import re
from typing import Any
from urllib.parse import quote

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from wea.errors import UserError
from wea.fleet import Service

ADMIN = "admin"
ALREADY_EXISTS = (51002, 51003)  # a role, a user

READ = ("find", "listIndexes")
APPEND = ("insert",)
CHANGE = ("update", "remove", "createIndex", "createCollection", "collMod")
DATABASE = ("listCollections",)


def user_uri(admin_uri: str, service: Service, password: str) -> str:
    """The URI of a service's own user on the server of `admin_uri`.

    A server that asks nobody for a name is used without one: it belongs to a developer or a test.
    """
    found = re.fullmatch(r"(mongodb(?:\+srv)?://)(?:[^@/]*@)?([^/?]+)(?:/[^?]*)?(?:\?(.*))?", admin_uri)
    if found is None:
        raise ValueError("not the URI of a MongoDB")
    scheme, hosts, query = found.groups()
    options = [one for one in (query or "").split("&") if one and not one.lower().startswith("authsource=")]
    tail = "?" + "&".join(options) if options else ""
    user = f"{service.name}:{quote(password, safe='')}@" if has_user(admin_uri) else ""
    return f"{scheme}{user}{hosts}/{service.database}{tail}"


def has_user(uri: str) -> bool:
    return "@" in uri.partition("://")[2].partition("/")[0]


def privileges(service: Service) -> list[dict[str, Any]]:
    """What the service's user may do. Where a collection is append-only the others are listed by name:
    MongoDB has no way to take a right back from one collection of a database."""

    def on(collection: str, *actions: str) -> dict[str, Any]:
        return {"resource": {"db": service.database, "collection": collection}, "actions": list(actions)}

    if not service.append_only:
        return [on("", *READ, *APPEND, *CHANGE, *DATABASE)]
    return [
        on("", *DATABASE),
        *(on(name, *READ, *APPEND) for name in service.append_only),
        *(on(name, *READ, *APPEND, *CHANGE) for name in service.collections),
    ]


def provision(admin_uri: str, service: Service, password: str) -> None:
    """Create the service's role and user, or bring them up to date, and what it may not create itself.

    UserError where MongoDB does not let us.
    """
    try:
        _provision(admin_uri, service, password)
    except PyMongoError as error:
        raise UserError(f"the MongoDB user {service.name} was not made: {str(error)[:200]}") from None


def _provision(admin_uri: str, service: Service, password: str) -> None:
    with _connect(admin_uri) as client:
        database = client[service.database]
        for collection, indexes in service.append_only.items():
            for fields, options in indexes:
                database[collection].create_index(list(fields), **options)
        rights = {"privileges": privileges(service), "roles": []}
        _create_or_update(database, "Role", f"{service.name}-service", rights)
        role = {"role": f"{service.name}-service", "db": service.database}
        _create_or_update(database, "User", service.name, {"pwd": password, "roles": [role]})


def _create_or_update(database: pymongo.database.Database[Any], what: str, name: str, content: dict[str, Any]) -> None:
    try:
        database.command(f"create{what}", name, **content)
    except OperationFailure as failure:
        if failure.code not in ALREADY_EXISTS:
            raise
        database.command(f"update{what}", name, **content)


def _connect(uri: str) -> pymongo.MongoClient[dict[str, Any]]:
    return pymongo.MongoClient(uri, serverSelectionTimeoutMS=10_000)
