"""The days of jobs that have files, changes to their rows, and what the ledger knows of them."""

from datetime import date, datetime, timedelta, timezone

from genai_orchestration import warehouse
from genai_orchestration.ledger import Ledger
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.archived import IMAGINE

NOTHING = "No file is to be fetched now."
KEY = "SOURCES__IMAGINE_API_SOURCE__"
FILES = 5  # of an image


def days_ago(*numbers: int) -> list[datetime]:
    noon = datetime.now(timezone.utc).replace(hour=0, minute=0, second=1)
    return [noon - timedelta(days=number) for number in numbers]


def day(number: int) -> date:
    return days_ago(number)[0].date()


def put(settings: Settings, sql: str) -> None:
    """Change rows in the warehouse, as nobody should."""
    with warehouse.pipeline(IMAGINE, settings) as pipeline, pipeline.sql_client() as client:
        client.execute_sql(sql)


def archived(settings: Settings, provider: str) -> bool:
    with Ledger.open(settings) as ledger:
        return all(job.archived for job in ledger.jobs(provider=provider))
