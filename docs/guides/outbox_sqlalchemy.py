"""Enqueue a job in the transaction of the data it is about, with SQLAlchemy.

    python outbox_sqlalchemy.py postgresql+psycopg://user@host/crm

Whatever happens to the transaction happens to the job.
"""

import sys
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

# The columns that a producer writes; docs/guides/outbox.md says what each means.
outbox = sa.Table(
    "outbox",
    sa.MetaData(schema="worker"),
    sa.Column("job_id", sa.Text, default=lambda: str(uuid.uuid4())),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", JSONB, nullable=False),
    sa.Column("run_at", sa.DateTime(timezone=True)),
    sa.Column("unique_key", sa.Text),
    sa.Column("tags", ARRAY(sa.Text), default=list),
)


def enqueue(connection, kind, payload, **wishes):
    """Enqueues a job when the transaction commits; answers its id."""
    job_id = wishes.pop("job_id", None) or str(uuid.uuid4())
    row = {"job_id": job_id, "kind": kind, "payload": payload, **wishes}
    connection.execute(sa.insert(outbox).values(**row))
    return job_id


def enqueue_checked(connection, kind, payload):
    """The same by the function, which refuses an unknown kind at once."""
    call = sa.select(sa.func.worker.enqueue(kind, sa.cast(payload, JSONB)))
    return connection.execute(call).scalar_one()


def main(url):
    engine = sa.create_engine(url)
    # Committed with the data: the job runs.
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE users SET updated_at = now() WHERE id = 0"))
        print(enqueue(connection, "debug.echo", {"value": "committed"}, tags=["example"]))
        print(enqueue_checked(connection, "debug.echo", {"value": "checked"}))
    # Rolled back with the data: there is no job.
    try:
        with engine.begin() as connection:
            print(enqueue(connection, "debug.echo", {"value": "rolled back"}))
            raise RuntimeError("the request failed")
    except RuntimeError:
        pass
    # A savepoint that is rolled back takes its jobs with it, and no others.
    with engine.begin() as connection:
        try:
            with connection.begin_nested():
                print(enqueue(connection, "debug.echo", {"value": "undone"}))
                raise RuntimeError("this part failed")
        except RuntimeError:
            pass
        print(enqueue(connection, "debug.echo", {"value": "kept"}))
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
