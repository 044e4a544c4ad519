"""What goes wrong with a fifth of the sandbox's answers."""

from genai_orchestration.sandbox.traffic import Fault

SHARE = 0.2
TRICKLE_SECONDS = 3.0
PAGE = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"

FAULTS = (
    Fault(kind="drop"),
    Fault(kind="reset"),
    Fault(kind="status", status=500),
    Fault(kind="status", status=500, after_work=True),
    Fault(kind="status", status=502, body=PAGE, content_type="text/html"),
    Fault(kind="status", status=502, body=PAGE, content_type="text/html", after_work=True),
    Fault(kind="status", status=429),
    Fault(kind="status", status=429, retry_after="2"),
    Fault(kind="truncate"),
    Fault(kind="half"),
    Fault(kind="trickle", seconds=TRICKLE_SECONDS),
)
