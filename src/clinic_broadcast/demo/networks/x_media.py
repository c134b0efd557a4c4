"""X, API v2: uploading a picture and giving it its alt text (docs.x.com media, 2026-08-22)."""

import base64
from typing import Final

from clinic_broadcast.demo.networks import pictures
from clinic_broadcast.demo.networks.messages import Call, Reply, reply_json
from clinic_broadcast.demo.networks.store import Store
from clinic_broadcast.demo.networks.x_answers import body_of, invalid, problem

METADATA_COST: Final = 5_000
ALT_MAX, PICTURE_BYTES_MAX = 1_000, 5_000_000


def upload(store: Store, call: Call) -> Reply:
    """Take a picture: one shot (OpenAPI 2.167, MediaUploadRequestOneShot), a multipart form or JSON with base64."""
    body = body_of(call) if call.media_type() == "application/json" else dict(call.parts())
    fields = {"media", "media_category", "media_type", "additional_owners", "shared"}
    if body is None or set(body) - fields or not {"media", "media_category"} <= set(body):
        return invalid("media", "media and media_category are required, and nothing unknown is allowed")
    content = body["media"]
    try:
        raw = content if isinstance(content, bytes) else base64.b64decode(str(content), validate=True)
    except ValueError:
        return invalid("media", "media is not base64")
    if not pictures.is_picture(raw) or len(raw) > PICTURE_BYTES_MAX:
        return invalid("media", "media is no picture of at most 5 MB")
    media_id = pictures.keep(store, "x", raw)
    data = {"id": media_id, "media_key": f"3_{media_id}", "size": len(raw), "expires_after_secs": 86_400}
    return reply_json(200, {"data": data})


def describe(store: Store, call: Call) -> Reply:
    """Give an uploaded picture its alt text, which is billed (docs.x.com pricing 2026-08-13)."""
    body = body_of(call) or {}
    words = dict(dict(body.get("metadata") or {}).get("alt_text") or {}).get("text")
    if not isinstance(words, str) or not 1 <= len(words) <= ALT_MAX:
        return invalid("metadata.alt_text.text", f"an alt text has 1 to {ALT_MAX} characters")
    media_id = str(body.get("id"))
    if not pictures.describe(store, "x", media_id, words):
        return problem(404, "Not Found Error", f"Could not find media with id: [{media_id}].")
    store.charge("x", "media_metadata", METADATA_COST)
    metadata = {"alt_text": {"text": words}}
    return reply_json(200, {"data": {"id": media_id, "associated_metadata": metadata}})
