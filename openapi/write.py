"""Write the contract that the code means to `openapi/openapi.json`: `python -m openapi.write`."""

import json
from pathlib import Path

from pydantic import SecretStr

from api.main import create_app
from models.settings import Settings

CONTRACT = Path(__file__).with_name("openapi.json")


def contract() -> str:
    """The description of the API as committed text; needs no server and no environment."""
    nowhere = Settings(
        database_url=SecretStr("postgresql://nobody:nothing@127.0.0.1:1/none"),
        redis_url=SecretStr("redis://127.0.0.1:1/0"),
        secret_key=SecretStr("describes and never signs, so any text will do"),
    )
    described = create_app(nowhere).openapi()
    return json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    CONTRACT.write_text(contract(), encoding="utf-8")
    print(f"Wrote {CONTRACT.name}")


if __name__ == "__main__":
    main()
