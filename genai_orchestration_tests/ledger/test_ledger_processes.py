"""The ledger under many processes at once, and under processes that are killed."""

import signal

import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.requests import LONGEST_POST
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.states import JobState
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import ledgers, submitters
from genai_orchestration_tests.support.ledgers import job, said

PROCESSES = 8
GOOD, BAD = 50, 10  # requests: more of them than the cap pays for; and such as are refused
PRICE = 5

TABLE = "CREATE TABLE history (n {serial}, what TEXT, name TEXT, state TEXT, credits BIGINT)"
NOTE = """INSERT INTO history (what, name, state, credits)
    VALUES ('{what}', NEW.request_key, NEW.state, {credits})"""
COST = "coalesce(NEW.credits_charged, NEW.reserved, 0)"


def keep_history(place: Settings) -> None:
    """Let the database itself write down each change of a state, in the change's transaction."""
    engine = ledgers.engine(place)
    sqlite = engine.dialect.name == "sqlite"
    serial = "INTEGER PRIMARY KEY AUTOINCREMENT" if sqlite else "BIGSERIAL PRIMARY KEY"
    with engine.begin() as connection:
        connection.exec_driver_sql(TABLE.format(serial=serial))
        for what, table, credits in (("request", "requests", COST), ("job", "jobs", "0")):
            note = NOTE.format(what=what, credits=credits)
            trigger = f"CREATE TRIGGER note_{what} AFTER UPDATE OF state ON {table}"
            if sqlite:
                connection.exec_driver_sql(f"{trigger} BEGIN {note}; END")
                continue
            connection.exec_driver_sql(
                f"CREATE FUNCTION note_{what}() RETURNS trigger AS $$ BEGIN {note}; RETURN NULL; "
                "END $$ LANGUAGE plpgsql"
            )
            connection.exec_driver_sql(f"{trigger} FOR EACH ROW EXECUTE FUNCTION note_{what}()")
    engine.dispose()


def history(place: Settings) -> list[tuple[str, str, str, int]]:
    """What, whose, into which state, at how many credits: in the order in which it happened."""
    engine = ledgers.engine(place)
    query = "SELECT what, name, state, credits FROM history ORDER BY n"
    with engine.connect() as connection:
        rows = connection.execute(sa.text(query)).all()
    engine.dispose()
    return [(row[0], row[1], row[2], row[3]) for row in rows]


class Replay:
    """The history again, moment by moment."""

    def __init__(self, happened: list[tuple[str, str, str, int]]) -> None:
        self.in_flight: set[str] = set()
        self.credits: dict[str, int] = {}
        self.started: list[str] = []
        self.most_in_flight = self.most_credits = 0
        for what, name, state, credits in happened:
            self.happens(what, name, state, credits)
            self.most_in_flight = max(self.most_in_flight, len(self.in_flight))
            self.most_credits = max(self.most_credits, sum(self.credits.values()))

    def happens(self, what: str, name: str, state: str, credits: int) -> None:
        if what == "request":
            self.credits[name] = credits
        if state == RequestState.SUBMITTING.value:
            self.started.append(name)
            self.in_flight.add(name)
        elif state == RequestState.REJECTED.value or (what == "job" and JobState(state).terminal):
            self.in_flight.discard(name)


def ready_to_race(ledger: Ledger) -> None:
    keys = [f"{submitters.NO}{n}" for n in range(BAD)] + [f"k{n}" for n in range(GOOD)]
    ledgers.approved(ledger, *sorted(keys, key=lambda key: key[::-1]))


def test_eight_processes_open_a_ledger_that_is_not_there_yet(place: Settings) -> None:
    submitters.finish(submitters.start("open", PROCESSES))
    with Ledger.open(place) as ledger:
        found = {request.request_key for request in ledger.requests()}
    assert found == {f"k{n}" for n in range(PROCESSES)}


def test_eight_processes_share_one_budget_and_one_limit_of_jobs_in_flight(
    place: Settings, ledger: Ledger
) -> None:
    ready_to_race(ledger)
    keep_history(place)
    said = submitters.finish(submitters.start("race", PROCESSES))
    replay = Replay(history(place))
    assert sorted(said) == sorted(replay.started)
    assert len(set(said)) == len(said), "a request was started twice"
    assert replay.most_in_flight == submitters.PLACES
    assert replay.most_credits == submitters.CAP
    assert len([key for key in said if not key.startswith(submitters.NO)]) == (
        submitters.CAP // PRICE
    )
    assert not replay.in_flight
    usage = ledger.usage("magic_hour", submitters.now())
    assert (usage.day, usage.in_flight) == (submitters.CAP, 0)


def test_processes_killed_anywhere_leave_no_half_state_and_nobody_waits_for_them(
    place: Settings, ledger: Ledger
) -> None:
    ready_to_race(ledger)
    keep_history(place)
    processes = [submitters.start("alone") for _ in range(3)]
    for process in processes:
        submitters.go(process)
    for process in processes:
        assert process.stdout
        process.stdout.readline()  # it is in the middle of its work
        process.send_signal(signal.SIGKILL)
        process.communicate()
    check_whole(ledger)
    left = {row.request_key for row in ledger.requests(states=[RequestState.SUBMITTING])}
    assert set(ledger.mark_orphans_unknown(submitters.now() + LONGEST_POST * 2)) == left
    for found in ledger.jobs(states=[JobState.QUEUED]):
        ledger.observe(found.key, said(JobState.GONE, "404"), submitters.now())
    for key in left:
        ledger.abandon(key, submitters.now())
    submitters.finish(submitters.start("alone"))
    check_whole(ledger)
    replay = Replay(history(place))
    assert len(set(replay.started)) == len(replay.started)
    assert replay.most_credits == submitters.CAP  # with what may have been paid in vain


def check_whole(ledger: Ledger) -> None:
    """No request has a part of what its state comes with."""
    jobs = {found.request_key: found for found in ledger.jobs()}
    for row in ledger.requests():
        if row.state is RequestState.SUBMITTED:
            assert jobs.pop(row.request_key).job_id == row.provider_job_id
            assert row.credits_charged == PRICE
        started = row.state not in (RequestState.PLANNED, RequestState.APPROVED)
        assert (row.reserved == PRICE) is (row.submitting_at is not None) is started
    assert jobs == {}, "a job whose request is not submitted"


def test_a_process_killed_between_two_writes_of_a_transaction_leaves_neither(
    place: Settings, ledger: Ledger
) -> None:
    left = [  # by the write in which the process dies: what was committed before it
        (RequestState.APPROVED, None, False),  # dies in start
        (RequestState.SUBMITTING, None, False),  # in submitted, with its request written
        (RequestState.SUBMITTING, None, False),  # in submitted, with its job written too
        (RequestState.SUBMITTED, JobState.QUEUED, False),  # in observe
        (RequestState.SUBMITTED, JobState.SUCCEEDED, False),  # in mark_loaded
        (RequestState.SUBMITTED, JobState.SUCCEEDED, True),  # lives on
    ]
    keys = [f"k{number}" for number in range(1, len(left) + 1)]
    ledgers.approved(ledger, *keys)
    said = submitters.finish(submitters.start("deaths", len(left)))
    assert [int(code) for code in said] == [-signal.SIGKILL] * (len(left) - 1) + [0]
    jobs = {found.request_key: found for found in ledger.jobs()}
    found = [
        (
            ledger.request(key).state,
            jobs[key].state if key in jobs else None,
            key in jobs and jobs[key].loaded is not None,
        )
        for key in keys
    ]
    assert found == left
    check_whole(ledger)
    assert ledger.job(job(f"job of {keys[-1]}")).request_key == keys[-1]
