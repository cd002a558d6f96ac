"""The API's composition root: `uvicorn main:app --port 8001`."""

from queue_app.api.application import create_app
from queue_app.errors import SettingsError
from queue_app.json_logs import use_json_in_server
from queue_app.settings import Settings

try:
    settings = Settings.load()
except SettingsError as error:
    raise SystemExit(str(error)) from None

if settings.log_format == "json":
    use_json_in_server()

app = create_app(settings)
