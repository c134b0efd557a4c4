"""The invented accounts that the simulated networks accept, and the settings they start with."""

from collections.abc import Mapping
from typing import Any, Final

# Nothing here opens anything outside this machine. The keys are those of the product's own settings.
CREDENTIALS: Final[Mapping[str, Mapping[str, str]]] = {
    "x": {
        "consumer_key": "demo-consumer-key",
        "consumer_secret": "demo-consumer-secret",
        "access_token": "1000000001-demo-access-token",
        "access_token_secret": "demo-access-token-secret",
    },
    "facebook": {"page_id": "200000000000001", "page_token": "demo-page-token"},
    "mastodon": {"access_token": "demo-mastodon-token"},
    "bluesky": {"handle": "clinic.demo.test", "app_password": "demo-aaaa-bbbb-cccc"},
    "linkedin": {"author_urn": "urn:li:organization:3000001", "access_token": "demo-linkedin-token"},
    "threads": {"user_id": "4000000001", "access_token": "demo-threads-token"},
    "telegram": {"chat_id": "@demo_clinic", "bot_token": "500000001:demo-bot-token"},
    "webhook": {"secret": "demo-webhook-secret"},
}

X_USER_ID: Final = CREDENTIALS["x"]["access_token"].partition("-")[0]
X_APP_ONLY_BEARER: Final = "demo-app-only-bearer"
USERNAME: Final = "demo_clinic"
DISPLAY_NAME: Final = "Demo Clinic"
BLUESKY_DID: Final = "did:plc:democlinicdemoclinicdemo"
FACEBOOK_APP: Final[Mapping[str, str]] = {"id": "600000000000001", "name": "Demo Broadcast"}

# What a test may change by POST /control/settings. Each default is the strict, documented behaviour;
# what nobody could verify on the live network is a setting, and its comment says [U].
DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "all": {
        "clock_offset_s": 0.0,  # Added to this machine's clock on every network.
        "public_url": "",  # Where permalinks point; empty: this server's own address.
    },
    "x": {
        **CREDENTIALS["x"],
        "token_dead": False,
        "lag_s": 0.0,  # How late the timeline shows a new or a deleted one. [U]
        "duplicate_window_s": 43_200.0,  # "Up to 12 h". [U]; 0: doubles are taken.
        "overlength_status": 403,  # 400 or 403. [U]
        "rate_limits": True,
        "limit_create": 100,
        "limit_delete": 50,
        "limit_timeline": 900,
        "limit_me": 75,
        "limit_media": 500,
        "usage_capped": False,
        "spend_limit_usd": 0.0,  # 0: no limit.
        "out_of_credit_status": 429,  # 402, 403 or 429. [U]
        "owned_app": True,  # Owned Read 0.001 each; otherwise 0.005.
        "premium": False,  # Edits need X Premium.
        "edit_window_s": 1_800.0,  # 30 min (edit-posts 2026-07-24) or 1 h (changelog 2025-10-03). [U]
    },
    "facebook": {
        **CREDENTIALS["facebook"],
        "token_dead": False,
        "rights": True,
        "lag_s": 0.0,
        "duplicates": "refused",  # refused (506), or taken: how long 506 looks back is unverified. [U]
        "app_secret": "",  # Set: appsecret_proof is checked when given, and demanded by require_proof.
        "require_proof": False,
        "usage_percent": 2,  # 100 and more: code 32.
        "usage_every": 3,  # Usage headers come only after some calls.
    },
    "mastodon": {
        **CREDENTIALS["mastodon"],
        "token_dead": False,
        "rights": True,
        "lag_s": 0.0,
        "idempotency": "honoured",  # honoured, or ignored as some servers of this API do.
        "idempotency_ttl_s": 3_600.0,
        "max_characters": 500,
        "characters_reserved_per_url": 23,
        "instance_v2": True,
        "delete_works": True,  # False: DELETE answers 404 and the status stays readable (snac2 2.75).
        "paging": True,  # False: limit and ids are ignored and everything is listed (snac2 2.75).
        "rate_limits": True,
        "limit_calls": 300,
        "limit_delete": 30,
    },
    "bluesky": {
        **CREDENTIALS["bluesky"],
        "token_dead": False,
        "access_ttl_s": 7_200.0,
        "refresh_ttl_s": 7_776_000.0,
        "rate_limits": True,
        "limit_points_hour": 5_000,
        "limit_login": 30,
    },
    "linkedin": {
        **CREDENTIALS["linkedin"],
        "token_dead": False,
        "lag_s": 0.0,
        "ghosts": False,  # True: a deleted one still counts as a duplicate and its URN answers 404.
        "duplicate_window_s": 43_200.0,  # [U]
    },
    "threads": {
        **CREDENTIALS["threads"],
        "token_dead": False,
        "lag_s": 0.0,
        "container_delay_s": 0.0,  # How long a container stays IN_PROGRESS.
        "media_not_found": 0,  # How many publishes of finished containers fail with 24/4279009.
        "status_vanishes": False,
        "quota": 250,
    },
    "telegram": {
        **CREDENTIALS["telegram"],
        "token_dead": False,
        "can_delete_messages": True,
    },
    "webhook": {**CREDENTIALS["webhook"], "token_dead": False},
    "model": {
        "key": "demo-model-key",
        "token_dead": False,
        "says": "",  # What it replies; empty: the longest sentence that it was shown, word for word.
        "wraps": True,  # False: a reply of another form than chat completions.
    },
    "blog": {
        "token_dead": False,
        "blog_id": "7000000000000000001",
        "title": "Demo Clinic Answers",
        "author": "Dr. Demo",
        # A loopback address is no link to X (numeric hosts are not URLs to twitter-text), so permalinks
        # carry a public name, and the wall leads to the copy on this server. Empty: this server's address.
        "base_url": "https://answers.example.org",
        "utc_offset_minutes": -480,
        "page_size_max": 150,
        "gzip": True,
        "validators": True,
    },
}
NETWORKS: Final = tuple(name for name in DEFAULTS if name not in {"all", "blog", "model"})
