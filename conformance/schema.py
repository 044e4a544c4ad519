"""ImagineAPI on a plain Directus: its collections, and what a customer and the public may do.

Made by Directus' own API; the fields and permissions are those of the vendor's published release,
and of its cloud (`ref`).
"""

from typing import Any

from conformance.admin import Admin

READABLE = (
    *("id", "prompt", "results", "user_created", "date_created", "status"),
    *("progress", "url", "error", "upscaled_urls", "ref", "upscaled"),
)
OWN = {"_and": [{"user_created": {"_eq": "$CURRENT_USER"}}]}
# younger images cannot be deleted: they may still be queued
OWN_OLD = {"_and": [*OWN["_and"], {"date_created": {"_lt": "$NOW(-1 day)"}}]}
PUBLIC_POLICY = "abf8a154-5b1c-4a46-ac9c-7300570f4f17"  # every Directus 11 has it

Json = dict[str, Any]


def prepare(admin: Admin, *, major: int) -> str:
    """Make everything on a new server; the id of the customers' role."""
    for collection in _collections():
        admin.post("/collections", collection)
    file = _field("upscaled_image_id", "uuid")
    admin.post("/fields/directus_files", file)
    for relation in _relations():
        admin.post("/relations", relation)
    admin.ask("PATCH", "/items/status", json={"bot_status": "healthy"})
    admin.ask("PATCH", "/settings", json={"storage_asset_transform": "all"})
    return _role_9(admin) if major < 11 else _role_11(admin)


def _collections() -> list[Json]:
    stamps = [
        _field("user_created", "uuid", special="user-created"),
        _field("date_created", "timestamp", special="date-created"),
        _field("user_updated", "uuid", special="user-updated"),
        _field("date_updated", "timestamp", special="date-updated"),
    ]
    images = [
        _field("id", "uuid", special="uuid", is_primary_key=True, is_nullable=False),
        _field("prompt", "text", is_nullable=False),
        _field("results", "uuid", special="file"),
        *stamps,
        _field("status", "string", default_value="pending"),
        _field("progress", "integer"),
        _field("url", "string"),
        _field("error", "text"),
        _field("upscaled_urls", "json", special="cast-json"),
        _field("ref", "string"),
        _field("internal_id", "string"),
        {"field": "upscaled", "type": "alias", "meta": {"special": ["o2m"]}, "schema": None},
    ]
    status = [
        _field("id", "integer", is_primary_key=True, has_auto_increment=True),
        *stamps,
        _field("bot_status", "string", default_value="not started"),
        _field("message", "text"),
    ]
    return [_collection("images", images), _collection("status", status, singleton=True)]


def _collection(name: str, fields: list[Json], *, singleton: bool = False) -> Json:
    return {
        "collection": name,
        "meta": {"singleton": singleton},
        "schema": {"name": name},
        "fields": fields,
    }


def _field(name: str, type: str, *, special: str | None = None, **schema: Any) -> Json:
    meta = {"special": [special]} if special else {}
    return {"field": name, "type": type, "meta": meta, "schema": schema}


def _relations() -> list[Json]:
    own_file = {"collection": "images", "field": "results", "related_collection": "directus_files"}
    users = [
        {"collection": "images", "field": field, "related_collection": "directus_users"}
        for field in ("user_created", "user_updated")
    ]
    quadrants = {
        "collection": "directus_files",
        "field": "upscaled_image_id",
        "related_collection": "images",
        "meta": {"one_field": "upscaled"},
        "schema": {"on_delete": "SET NULL"},
    }
    return [own_file, *users, quadrants]


def permissions() -> list[Json]:
    """What a customer may do."""
    return [
        _permission("images", "create", fields=["*"]),
        _permission("images", "read", fields=[*READABLE], permissions=OWN),
        _permission("images", "update", fields=["prompt"], permissions=OWN),
        _permission("images", "delete", fields=None, permissions=OWN_OLD),
        _permission("status", "read", fields=["*"]),
        _permission(
            "directus_files",
            "read",
            fields=["*"],
            permissions={"_and": [{"uploaded_by": {"_eq": "$CURRENT_USER"}}]},
        ),
    ]


def _permission(
    collection: str, action: str, *, fields: list[str] | None, permissions: Json | None = None
) -> Json:
    return {
        "collection": collection,
        "action": action,
        "fields": fields,
        "permissions": permissions or {},
        "validation": {},
    }


def _public_files() -> Json:
    return _permission("directus_files", "read", fields=["*"])


def _role_9(admin: Admin) -> str:
    role: str = admin.post("/roles", {"name": "Standard", "app_access": False})["id"]
    rows = [{**row, "role": role} for row in permissions()]
    admin.post("/permissions", [*rows, {**_public_files(), "role": None}])
    return role


def _role_11(admin: Admin) -> str:
    policy = admin.post("/policies", {"name": "Standard"})["id"]
    rows = [{**row, "policy": policy} for row in permissions()]
    admin.post("/permissions", [*rows, {**_public_files(), "policy": PUBLIC_POLICY}])
    role: str = admin.post("/roles", {"name": "Standard", "policies": [{"policy": policy}]})["id"]
    return role
