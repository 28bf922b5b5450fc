"""One frozen Settings, built once by `create_app`, the worker or the command, and passed down."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from `BREADTH_*`. Secrets have no default; numbers carry their unit in the name."""

    model_config = SettingsConfigDict(env_prefix="BREADTH_", frozen=True, extra="ignore")

    database_url: SecretStr = Field(
        description="postgresql://breadth_app:…@host:port/name. The role must be neither owner, "
        "superuser nor BYPASSRLS, or the API and the worker refuse to start."
    )
    redis_url: SecretStr = Field(description="redis://[:password@]host:port/0. Only a doorbell.")
    secret_key: SecretStr = Field(
        min_length=32,
        description="Master secret from which key hashes, pseudonyms, text encryption and cursor "
        "signatures are derived. Losing it unlinks every person; changing it ends every API key.",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8000", description="What links in answers start with."
    )
    database_connections: int = Field(
        default=8, ge=2, le=200, description="Pool size of one process; PostgreSQL pays for each."
    )
    statement_timeout_s: float = Field(
        default=30, gt=0, description="A statement of the API or the worker ends after this."
    )
    sweep_every_s: float = Field(
        default=5,
        gt=0,
        description="How often marks are looked for without a doorbell: what a lost Redis costs.",
    )
    ready_mark_age_s: float = Field(
        default=60, gt=0, description="/readyz fails when the oldest mark is older than this."
    )
    score_wait_s: float = Field(
        default=2, ge=0, description="How long a view waits for a month never scored before 202."
    )
    hooks_out_loopback: bool = Field(
        default=False,
        description="Let messages go to this very machine, by http too. For tests and development: "
        "whoever may subscribe could otherwise reach what listens here and trusts its neighbours.",
    )
    log_format: Literal["json", "console"] = "json"


class StackSettings(BaseSettings):
    """What `breadth up` reads besides: where the embedded stack lives and what it starts."""

    model_config = SettingsConfigDict(env_prefix="BREADTH_", frozen=True, extra="ignore")

    port: int = Field(default=8000, ge=1, le=65535, description="Port of the API on 127.0.0.1.")
    data_dir: Path = Field(default=Path(".breadth"), description="Databases, key and logs.")
    api_processes: int = Field(default=2, ge=1, le=64, description="uvicorn processes.")
    worker_processes: int = Field(default=1, ge=1, le=64, description="arq workers of each kind.")
    demo: bool = Field(default=True, description="Load the demo once when the data is new.")
    database_url: SecretStr | None = Field(
        default=None, description="Use this PostgreSQL instead of the embedded one."
    )
    admin_database_url: SecretStr | None = Field(
        default=None,
        description="A login that may create roles; `breadth migrate` needs it, nothing else does.",
    )
    redis_url: SecretStr | None = Field(
        default=None, description="Use this Redis or Valkey instead of the embedded one."
    )
    secret_key: SecretStr | None = Field(
        default=None, description="Master secret; the embedded stack makes and keeps its own."
    )
