"""What real Celery clients do to the ingress: one JSON line a check, {"check": name, "ok": bool, ...}.

    celery_client.py BROKER_URL RESULT_URL [CHECK ...]      none means all

The process behind it has the debug.* tasks: echo(value), sleep(ms), fail(message, permanent).
"""

import datetime
import json
import os
import sys
import time
import traceback
import uuid

import celery
from celery import chain, chord, group
from celery.exceptions import TaskRevokedError, TimeoutError as CeleryTimeout

PATIENCE = 20

app = celery.Celery("client", broker=sys.argv[1], backend=sys.argv[2])
app.conf.update(broker_connection_retry_on_startup=True)
# Other keys than Celery's usual ones: settings as JSON.
app.conf.update(json.loads(os.environ.get("CELERY_SETTINGS", "{}")))

CHECKS = {}


def check(function):
    CHECKS[function.__name__] = function
    return function


def echo(value, **options):
    return app.signature("debug.echo", args=[value], options=options)


def send(name, *args, **options):
    return app.send_task(name, args=list(args), **options)


def raises(result, wanted):
    try:
        got = result.get(timeout=PATIENCE)
    except CeleryTimeout:
        raise
    except Exception as error:
        assert type(error).__name__ == wanted, f"{type(error).__name__}: {error}"
        return error
    raise AssertionError(f"no {wanted} but {got!r}")


@check
def a_result_comes_back():
    result = send("debug.echo", {"a": [1, None, "é"]})
    assert result.get(timeout=PATIENCE) == {"a": [1, None, "é"]}
    assert result.status == "SUCCESS" and result.successful()


@check
def keyword_arguments_are_the_same_call():
    result = app.send_task("debug.echo", kwargs={"value": 7})
    assert result.get(timeout=PATIENCE) == 7


@check
def a_compressed_message_is_read():
    text = "x" * 20000
    assert send("debug.echo", text, compression="gzip").get(timeout=PATIENCE) == text


@check
def every_priority_is_taken():
    results = [send("debug.echo", number, priority=number) for number in range(10)]
    assert [result.get(timeout=PATIENCE) for result in results] == list(range(10))


@check
def an_eta_is_waited_for():
    due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    result = send("debug.echo", 1, eta=due)
    result.get(timeout=PATIENCE)
    assert datetime.datetime.now(datetime.timezone.utc) >= due


@check
def a_countdown_is_waited_for():
    start = time.monotonic()
    assert send("debug.echo", 2, countdown=1.5).get(timeout=PATIENCE) == 2
    assert time.monotonic() - start >= 1.4


@check
def an_expired_task_is_revoked():
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=5)
    result = send("debug.echo", 1, expires=past)
    error = raises(result, "TaskRevokedError")
    assert "expired" in str(error), error
    assert result.status == "REVOKED"


@check
def a_task_expires_while_it_waits_for_its_eta():
    result = send("debug.echo", 1, countdown=3, expires=1)
    raises(result, "TaskRevokedError")


@check
def an_ignored_result_is_not_stored():
    result = send("debug.echo", 1, ignore_result=True)
    after = send("debug.echo", 2)
    after.get(timeout=PATIENCE)
    assert app.backend.client.get(f"celery-task-meta-{result.id}") is None


@check
def a_failure_is_raised():
    error = raises(send("debug.fail", "as asked", True), "JobFailed")
    assert "as asked" in str(error), error


@check
def wrong_arguments_are_a_type_error():
    raises(send("debug.echo"), "TypeError")
    raises(send("debug.echo", 1, 2), "TypeError")


@check
def a_task_id_may_be_any_text():
    name = "invoice:2030/01 é " + uuid.uuid4().hex
    assert send("debug.echo", 3, task_id=name).get(timeout=PATIENCE) == 3


@check
def pickle_is_refused_and_the_next_message_is_not():
    app.conf.update(accept_content=["json", "pickle"])
    result = send("debug.echo", 1, serializer="pickle")
    raises(result, "ContentDisallowed")
    assert send("debug.echo", 2).get(timeout=PATIENCE) == 2


@check
def a_scheduled_task_is_revoked_at_once():
    result = send("debug.echo", 1, countdown=600)
    wait_until(lambda: result.id in str(app.control.inspect(timeout=1).scheduled()))
    result.revoke()
    raises(result, "TaskRevokedError")
    assert result.status == "REVOKED"


@check
def a_chain_goes_on_with_the_result():
    result = chain(echo(1), echo_after(), echo_after()).apply_async()
    assert result.get(timeout=PATIENCE) == 1
    assert result.parent.parent.get(timeout=PATIENCE) == 1


def echo_after():
    return app.signature("debug.echo")


@check
def a_broken_chain_fails_to_its_end():
    fail = app.signature("debug.fail", args=["broken", True])
    result = chain(fail, echo_after(), echo_after()).apply_async()
    raises(result, "JobFailed")
    raises(app.AsyncResult(result.id), "JobFailed")


@check
def a_group_has_all_results():
    result = group(echo(number) for number in range(5)).apply_async()
    assert result.get(timeout=PATIENCE) == [0, 1, 2, 3, 4]


@check
def a_chord_gathers_all_results():
    result = chord([echo(number) for number in range(4)])(echo_after())
    assert result.get(timeout=PATIENCE) == [0, 1, 2, 3]


@check
def a_broken_chord_is_an_error_for_its_body():
    fail = app.signature("debug.fail", args=["broken", True])
    result = chord([echo(1), fail])(echo_after())
    raises(app.AsyncResult(result.id), "ChordError")


@check
def a_link_is_called_with_the_result():
    linked = echo_after().set(task_id=str(uuid.uuid4()))
    result = app.send_task("debug.echo", args=["linked"], link=linked)
    result.get(timeout=PATIENCE)
    assert app.AsyncResult(linked.options["task_id"]).get(timeout=PATIENCE) == "linked"


@check
def a_large_argument_comes_back():
    text = "é" * 300_000
    got = send("debug.echo", text).get(timeout=PATIENCE)
    # An output may be smaller than an argument; then its size comes back.
    assert got == text or "dropped_output_bytes" in got, type(got)


@check
def inspect_ping_is_answered():
    pong = app.control.inspect(timeout=2).ping()
    assert pong and list(pong.values()) == [{"ok": "pong"}], pong


@check
def the_crms_health_check_goes_on():
    inspect = app.control.inspect(timeout=2)
    active, stats = inspect.active(), inspect.stats()
    assert active is not None and stats, (active, stats)
    worker = next(iter(stats.values()))
    assert worker["pool"]["max-concurrency"] >= 1, worker
    assert worker["total"]["debug.echo"] >= 1, worker


@check
def inspect_knows_queues_and_names():
    inspect = app.control.inspect(timeout=2)
    queues = next(iter(inspect.active_queues().values()))
    assert app.conf.task_default_queue in [queue["name"] for queue in queues], queues
    names = next(iter(inspect.registered().values()))
    assert "debug.echo" in names, names


@check
def inspect_shows_what_runs_and_what_is_scheduled():
    running, later = send("debug.sleep", 3000), send("debug.echo", 1, countdown=500)
    inspect = app.control.inspect(timeout=2)

    def ids(answer, of):
        return [of(task) for tasks in (answer or {}).values() for task in tasks]

    wait_until(lambda: running.id in ids(inspect.active(), lambda task: task["id"]))
    scheduled = ids(inspect.scheduled(), lambda task: task["request"]["id"])
    assert later.id in scheduled, scheduled
    later.revoke()
    raises(later, "TaskRevokedError")
    assert later.id in next(iter(inspect.revoked().values()))


def wait_until(look):
    end = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def main():
    wanted = sys.argv[3:] or list(CHECKS)
    for name in wanted:
        start = time.monotonic()
        line = {"check": name, "ok": True, "celery": celery.__version__}
        try:
            CHECKS[name]()
        except Exception as error:
            line["ok"] = False
            line["error"] = f"{type(error).__name__}: {error}"[:500]
            line["where"] = traceback.format_exc()[-800:]
        line["ms"] = round((time.monotonic() - start) * 1000)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
